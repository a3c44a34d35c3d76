/**
 * The requests that Composer makes all day. Answers are kept by (credential, path, coding, base URL) together with the stamp of the database
 * under which they were found. While the stamp stands, the same request gets the same answer without a statement; when it moved,
 * the answer is found again from the token on. The expiry of the token is compared with the clock on every request. That something does
 * not exist is kept the same way, because clients ask for many names that do not exist. What is public is kept for everybody without a
 * credential in a memory of its own; nothing is kept for a credential that is not valid. So strangers can neither fill the memory nor push out what
 * is in use by others.
 *
 * Nothing here writes: uses and downloads go to the usage buffer.
 */
import { findActorByHash, hashTokenSecret, requireAllowedAddress } from '../../core/access/index.ts'
import { UnknownReferences } from '../../core/catalog/index.ts'
import type { Actor, Origin } from '../../core/kernel/actor.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { isDomainError } from '../../core/kernel/errors.ts'
import type { Clock } from '../../core/kernel/ports.ts'
import type { Db } from '../../core/kernel/schema.ts'
import type { UsageBuffer } from '../../core/statistics/index.ts'
import { hasPasswordToken, readSecret } from '../http/credentials.ts'
import { takeDownload, takeRequest, tooManyAttempts, withRateHeaders } from '../http/rate-limits.ts'
import type { Telemetry } from '../http/telemetry.ts'
import { TwoGenerations } from '../http/two-generations.ts'
import { bodySize, sendAnswer, type Answer } from './answer.ts'
import type { DocumentStore } from './document-store.ts'
import { toRefusal, type Refusal } from './refusal.ts'
import { parseRepositoryPath, type RepositoryPath } from './repository-path.ts'
import { resolveAnswer, type AnswerTools } from './resolve-answer.ts'
import { chooseCoding, type Coding } from '../http/coded-document.ts'

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
  outcome: Answer | Refusal
  /** What the documented form counts requests by (PR-017, PR-018); null in the other. */
  limited: Limited | null
}

interface Found {
  outcome: Answer | Refusal
  expiresAt: number
  limited: Limited | null
  /** The answer depends on the client's address, or is for a credential that is not valid, so it is found anew for each request. */
  isBound: boolean
}

/** Who takes from which limit: a download from that of its package, anything else from that of the API. */
interface Limited {
  caller: Ctx
  download: string | null
}

const MAX_ANSWERS = 20_000
const MAX_SECRETS = 20_000

/** Answers `GET` and `HEAD` of the root file, metadata and archives. One per server. */
export class HotPath {
  readonly #parts: HotPathParts
  readonly #tools: AnswerTools
  readonly #answers: TwoGenerations<Kept>
  /** For requests without a credential. */
  readonly #publicAnswers: TwoGenerations<Kept>
  readonly #hashes: TwoGenerations<string>
  readonly #finding = new Map<string, Promise<Found>>()

  constructor(parts: HotPathParts) {
    this.#parts = parts
    this.#tools = { documents: parts.documents, unknown: new UnknownReferences() }
    const sizeOf = ({ outcome }: Kept) =>
      'respond' in outcome ? 1500 : 700 + (outcome.body instanceof Uint8Array ? bodySize(outcome.body) : 0)
    this.#answers = new TwoGenerations({ count: MAX_ANSWERS, bytes: (parts.cacheBytes / 8) * 3 }, sizeOf)
    this.#publicAnswers = new TwoGenerations({ count: MAX_ANSWERS / 4, bytes: parts.cacheBytes / 8 }, sizeOf)
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
    const kept = this.#answersFor(request).find(rawKey(request))
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
    const isArchive = parsed.kind === 'dist' || parsed.kind === 'version'
    const coding = isArchive ? 'identity' : chooseCoding(request.headers.get('accept-encoding'))
    const search = readSearch(request.url)
    const isLegacy = parsed.kind === 'root' && isLegacyClient(request)
    // None of the parts can have a line break, so different requests have different keys.
    const key = this.#parts.hasFixedUrl
      ? rawKey(request)
      : `${authorization}\n${coding}\n${incoming.baseUrl}\n${incoming.path}${search}${isLegacy ? LEGACY_KEY : ''}`
    const stamp = this.#parts.stamp()
    const kept = this.#answersFor(request).find(key)
    const known = kept === undefined ? null : this.#sendIfValid(request, kept, stamp)
    if (known !== null) {
      return known
    }
    this.#parts.telemetry.cache.increment({ outcome: kept === undefined ? 'miss' : 'revalidated' })
    return this.#findOnce(key, { incoming, parsed, coding, authorization, stamp, search, isLegacy })
  }

  #sendIfValid(request: Request, kept: Kept, stamp: number): Response | null {
    if (kept.stamp !== stamp || this.#parts.clock.now() >= kept.expiresAt) {
      return null
    }
    this.#parts.telemetry.cache.increment({ outcome: 'hit' })
    return this.#send(request, kept)
  }

  /** Forgets all answers; called when the storage turned out not to have a file that one of them names. */
  forget(): void {
    this.#answers.clear()
    this.#publicAnswers.clear()
  }

  #answersFor({ headers }: Request): TwoGenerations<Kept> {
    return headers.has('authorization') ? this.#answers : this.#publicAnswers
  }

  async #findOnce(key: string, wanted: WantedAnswer): Promise<Response> {
    // The address, because a token may be for some addresses only: nobody may share what was found for another.
    const origin = wanted.incoming.origin()
    const flight = `${wanted.stamp} ${origin.address} ${key}`
    let finding = this.#finding.get(flight)
    if (finding === undefined) {
      finding = this.#find(wanted, origin)
      this.#finding.set(flight, finding)
    }
    try {
      const { isBound, ...found } = await finding
      if (isLasting(found.outcome) && !isBound) {
        this.#answersFor(wanted.incoming.request).put(key, { stamp: wanted.stamp, ...found })
      }
      return this.#send(wanted.incoming.request, found)
    } finally {
      this.#finding.delete(flight)
    }
  }

  async #find({ incoming, parsed, coding, authorization, search, isLegacy }: WantedAnswer, origin: Origin): Promise<Found> {
    const isDocumented = parsed.form === 'documented'
    // The documented form knows no token in place of a user name (PR-003).
    const isUsable = !isDocumented || hasPasswordToken(authorization)
    const actor = await this.#authenticate(isUsable ? authorization : null)
    const expiresAt = actor.kind === 'token' ? (actor.expiresAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
    const isInvalid = actor.kind === 'anonymous' && authorization !== null
    const isBound = isInvalid || (actor.kind === 'token' && actor.addresses !== null)
    const ctx = this.#parts.ctx(actor, origin)
    const download = parsed.kind === 'dist' || parsed.kind === 'version' ? parsed.name : null
    const found = { expiresAt, isBound, limited: isDocumented ? { caller: ctx, download } : null }
    try {
      requireAllowedAddress(actor, origin.address)
      const wanted = { path: parsed, coding, baseUrl: incoming.baseUrl, search, isLegacy }
      const outcome = await resolveAnswer(ctx, this.#tools, wanted)
      return { ...found, outcome, expiresAt: Math.min(expiresAt, outcome.until ?? Number.POSITIVE_INFINITY) }
    } catch (error) {
      if (!isDomainError(error)) {
        throw error
      }
      const outcome = toRefusal(error, parsed)
      return { ...found, outcome, expiresAt: Math.min(expiresAt, outcome.until) }
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

  #send(request: Request, found: { outcome: Answer | Refusal; limited: Limited | null }): Response {
    if (found.limited === null) {
      return this.#sendOutcome(request, found.outcome)
    }
    const { caller, download } = found.limited
    const taken = download === null ? takeRequest(caller, 'api') : takeDownload(caller, download)
    if (taken === null) {
      return this.#sendOutcome(request, found.outcome)
    }
    const response = taken.allowed ? this.#sendOutcome(request, found.outcome) : tooManyAttempts()
    return withRateHeaders(response, taken, this.#parts.clock.now())
  }

  #sendOutcome(request: Request, outcome: Answer | Refusal): Response {
    if ('respond' in outcome) {
      return outcome.respond()
    }
    const { response, counts } = sendAnswer(request, outcome)
    const { usage, clock } = this.#parts
    usage.serve({ token: outcome.token, download: counts ? outcome.download : null }, clock.now())
    return response
  }
}

/** Everything that an answer depends on where the base URL is fixed. The method is compared when it is sent. */
function rawKey(request: Request): string {
  const { headers, url } = request
  const legacy = url.includes('/packages.json') && isLegacyClient(request) ? LEGACY_KEY : ''
  return `${headers.get('authorization')}\n${headers.get('accept-encoding')}\n${url}${legacy}`
}

const LEGACY_KEY = '\nComposer/1'

/** Composer 1 says so; its root file has what others would pay for and never read (contract composer.md §1.4). */
function isLegacyClient({ headers }: Request): boolean {
  return headers.get('user-agent')?.startsWith('Composer/1.') ?? false
}

function readSearch(url: string): string {
  const question = url.indexOf('?')
  return question < 0 ? '' : url.slice(question)
}

interface WantedAnswer {
  incoming: IncomingRequest
  parsed: RepositoryPath
  coding: Coding
  authorization: string | null
  stamp: number
  search: string
  isLegacy: boolean
}

/** Whether an outcome stays true as long as nothing changes in the database. */
function isLasting(outcome: Answer | Refusal): boolean {
  if ('respond' in outcome) {
    return outcome.isLasting
  }
  // A place in an object store is named for a few minutes only.
  return outcome.status === 200 && outcome.redirect === undefined
}
