/**
 * The requests that Composer makes all day. Answers are kept by (credential, path, coding, base URL) together with the stamp of the database
 * under which they were found. While the stamp stands, the same request gets the same answer without a statement; when it moved,
 * the answer is found again from the token on. The expiry of the token is compared with the clock on every request. That something does
 * not exist is kept the same way, because clients ask for many names that do not exist. Nothing is kept for somebody without a valid token,
 * so that strangers can neither fill the memory nor push out what is in use.
 *
 * Nothing here writes: uses and downloads go to the usage buffer.
 */
import { findActorByHash, hashTokenSecret } from '../../core/access/index.ts'
import { UnknownReferences } from '../../core/catalog/index.ts'
import type { Actor, Origin } from '../../core/kernel/actor.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError, isDomainError } from '../../core/kernel/errors.ts'
import type { Clock } from '../../core/kernel/ports.ts'
import type { Db } from '../../core/kernel/schema.ts'
import type { UsageBuffer } from '../../core/statistics/index.ts'
import { readSecret } from '../http/credentials.ts'
import { domainErrorResponse } from '../http/errors.ts'
import type { Telemetry } from '../http/telemetry.ts'
import { TwoGenerations } from '../http/two-generations.ts'
import { bodySize, sendAnswer, type Answer } from './answer.ts'
import type { DocumentStore } from './document-store.ts'
import { parseRepositoryPath, type RepositoryPath } from './repository-path.ts'
import { resolveAnswer, type AnswerTools, type Coding } from './resolve-answer.ts'

/** What the hot path is made of. */
export interface HotPathParts {
  ctx(actor: Actor, origin: Origin): Ctx
  db: Db
  stamp(): number
  clock: Clock
  usage: UsageBuffer
  documents: DocumentStore
  telemetry: Telemetry
  /** Memory for answers, in bytes. */
  cacheBytes: number
  /** The public URL is configured, so that an answer depends on nothing of a request but its URL and two headers. */
  hasFixedUrl: boolean
}

/** A request that was read so far. `path` is canonical. */
export interface IncomingRequest {
  request: Request
  path: string
  baseUrl: string
  /** Where the request came from; asked for before the first wait, and only when the answer has to be found. */
  origin(): Origin
}

interface Kept {
  stamp: number
  expiresAt: number
  outcome: Answer | DomainError
}

interface Found {
  outcome: Answer | DomainError
  expiresAt: number
}

const MAX_ANSWERS = 20_000
const MAX_SECRETS = 20_000

/** Answers `GET` and `HEAD` of the root file, metadata and archives. One per server. */
export class HotPath {
  readonly #parts: HotPathParts
  readonly #tools: AnswerTools
  readonly #answers: TwoGenerations<Kept>
  readonly #hashes: TwoGenerations<string>
  readonly #finding = new Map<string, Promise<Found>>()

  constructor(parts: HotPathParts) {
    this.#parts = parts
    this.#tools = { documents: parts.documents, unknown: new UnknownReferences() }
    this.#answers = new TwoGenerations({ count: MAX_ANSWERS, bytes: parts.cacheBytes / 2 }, ({ outcome }) =>
      outcome instanceof DomainError ? 1500 : 600 + (outcome.body instanceof Uint8Array ? bodySize(outcome.body) : 0),
    )
    this.#hashes = new TwoGenerations({ count: MAX_SECRETS, bytes: MAX_SECRETS * 300 }, () => 100)
  }

  /**
   * The response to a request exactly like one that was answered before, or null. It is not even parsed: this is what a
   * warm update consists of.
   */
  known(request: Request): Response | null {
    if (!this.#parts.hasFixedUrl) {
      return null
    }
    const kept = this.#answers.find(rawKey(request))
    return kept === undefined ? null : this.#sendIfValid(request, kept, this.#parts.stamp())
  }

  /** The response, at once when the answer is known, or null when the path is none of these. */
  answer(incoming: IncomingRequest): Response | Promise<Response> | null {
    const parsed = parseRepositoryPath(incoming.path)
    if (parsed === null) {
      return null
    }
    const { request } = incoming
    const authorization = request.headers.get('authorization')
    const coding = parsed.kind === 'dist' ? 'identity' : chooseCoding(request.headers.get('accept-encoding'))
    // None of the parts can have a line break, so different requests have different keys.
    const key = this.#parts.hasFixedUrl ? rawKey(request) : `${authorization}\n${coding}\n${incoming.baseUrl}\n${incoming.path}`
    const stamp = this.#parts.stamp()
    const kept = this.#answers.find(key)
    const known = kept === undefined ? null : this.#sendIfValid(request, kept, stamp)
    if (known !== null) {
      return known
    }
    this.#parts.telemetry.cache.increment({ outcome: kept === undefined ? 'miss' : 'revalidated' })
    return this.#findOnce(key, { incoming, parsed, coding, authorization, stamp })
  }

  #sendIfValid(request: Request, kept: Kept, stamp: number): Response | null {
    if (kept.stamp !== stamp || this.#parts.clock.now() >= kept.expiresAt) {
      return null
    }
    this.#parts.telemetry.cache.increment({ outcome: 'hit' })
    return this.#send(request, kept.outcome)
  }

  /** Forgets all answers; called when the storage turned out not to have a file that one of them names. */
  forget(): void {
    this.#answers.clear()
  }

  async #findOnce(key: string, wanted: WantedAnswer): Promise<Response> {
    const flight = `${wanted.stamp} ${key}`
    let finding = this.#finding.get(flight)
    if (finding === undefined) {
      finding = this.#find(wanted)
      this.#finding.set(flight, finding)
    }
    try {
      const { outcome, expiresAt } = await finding
      if (isLasting(outcome)) {
        this.#answers.put(key, { stamp: wanted.stamp, expiresAt, outcome })
      }
      return this.#send(wanted.incoming.request, outcome)
    } finally {
      this.#finding.delete(flight)
    }
  }

  async #find({ incoming, parsed, coding, authorization }: WantedAnswer): Promise<Found> {
    const origin = incoming.origin()
    const actor = await this.#authenticate(authorization)
    const expiresAt = actor.kind === 'token' ? (actor.expiresAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
    const ctx = this.#parts.ctx(actor, origin)
    try {
      const outcome = await resolveAnswer(ctx, this.#tools, { path: parsed, coding, baseUrl: incoming.baseUrl })
      return { outcome, expiresAt }
    } catch (error) {
      if (!isDomainError(error)) {
        throw error
      }
      return { outcome: error, expiresAt }
    }
  }

  /** The hash of a secret is remembered for the exact header, so that revalidation costs a look-up and no hashing. */
  async #authenticate(authorization: string | null): Promise<Actor> {
    if (authorization === null) {
      return { kind: 'anonymous' }
    }
    let hash = this.#hashes.find(authorization)
    if (hash === undefined) {
      const secret = readSecret(authorization)
      if (secret === null) {
        return { kind: 'anonymous' }
      }
      hash = hashTokenSecret(secret)
    }
    const actor = await findActorByHash(this.#parts.db, hash, this.#parts.clock.now())
    if (actor === null) {
      return { kind: 'anonymous' }
    }
    this.#hashes.put(authorization, hash)
    return actor
  }

  #send(request: Request, outcome: Answer | DomainError): Response {
    if (outcome instanceof DomainError) {
      return domainErrorResponse(outcome)
    }
    const { response, counts } = sendAnswer(request, outcome)
    const { usage, clock } = this.#parts
    const at = clock.now()
    if (outcome.token !== null) {
      usage.use(outcome.token, at)
    }
    if (counts && outcome.download !== null) {
      usage.count({ ...outcome.download, kind: 'download', at })
    }
    return response
  }
}

/** Everything that an answer depends on where the base URL is fixed. The method is compared when it is sent. */
function rawKey(request: Request): string {
  const { headers } = request
  return `${headers.get('authorization')}\n${headers.get('accept-encoding')}\n${request.url}`
}

interface WantedAnswer {
  incoming: IncomingRequest
  parsed: RepositoryPath
  coding: Coding
  authorization: string | null
  stamp: number
}

/** Whether an outcome stays true as long as nothing changes in the database. */
function isLasting(outcome: Answer | DomainError): boolean {
  // A place in an object store is named for a few minutes only.
  return outcome instanceof DomainError ? outcome.kind === 'not_found' : outcome.status === 200
}

function chooseCoding(accepted: string | null): Coding {
  if (accepted === null) {
    return 'identity'
  }
  if (/\bzstd\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted)) {
    return 'zstd'
  }
  return /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted) ? 'gzip' : 'identity'
}
