/**
 * GitLab's Composer package API. Documents and archives are kept by everything of a request that they depend on, together with the stamp of the
 * database under which they were found, as the repository's hot path keeps its own: while the stamp stands, the same request gets the same
 * answer. What is public is kept apart for those without a credential, bounded; for a credential that is not valid nothing is kept.
 */
import type { Actor, Origin } from '../../../core/kernel/actor.ts'
import { isDomainError } from '../../../core/kernel/errors.ts'
import type { Instant } from '../../../core/kernel/values.ts'
import { TwoGenerations } from '../../http/two-generations.ts'
import { isAnswered, resolve, type Wanted } from './answers.ts'
import { identify, isAnonymous, readCarried, requireAddress, type Carried } from './credentials.ts'
import { answer, CredentialRefused, InvalidParameter, noRoute, presentCredential, presentError, wrongMethod } from './errors.ts'
import { handlePackages } from './packages.ts'
import type { GitlabParts, Incoming, KeptAnswer } from './parts.ts'
import { parseGitlabPath, rawPathOf, type GitlabPath } from './path.ts'
import { publish, readParameters } from './publish.ts'
import { chooseCoding } from '../../http/coded-document.ts'

interface Kept {
  stamp: number
  expiresAt: Instant
  /** Null for what does not exist. */
  outcome: KeptAnswer | null
}

const MAX_ANSWERS = 10_000
const MAX_PUBLIC = 5_000

/** Answers every request below `/api/v4/`. One per server. */
export class GitlabSurface {
  readonly #parts: GitlabParts
  readonly #answers: TwoGenerations<Kept>
  readonly #public: TwoGenerations<Kept>
  readonly #finding = new Map<string, Promise<Kept>>()

  constructor(parts: GitlabParts) {
    this.#parts = parts
    const sizeOf = ({ outcome }: Kept) => 700 + (outcome === null ? 0 : parts.sizeOf(outcome))
    this.#answers = new TwoGenerations({ count: MAX_ANSWERS, bytes: (parts.cacheBytes / 8) * 3 }, sizeOf)
    this.#public = new TwoGenerations({ count: MAX_PUBLIC, bytes: parts.cacheBytes / 8 }, sizeOf)
  }

  /** The response to a GET exactly like one that was answered before, or null. It is not even parsed. */
  known(request: Request): Response | null {
    if (!this.#parts.hasFixedUrl || rawPathOf(request.url) === null) {
      return null
    }
    const kept = this.#answers.find(keyOf(request, ''))
    return kept === undefined ? null : this.#sendIfValid(request, kept)
  }

  /** The response to any request. */
  async handle(incoming: Incoming): Promise<Response> {
    if (!this.#parts.isOn) {
      return answer(404, { message: '404 Not Found' })
    }
    const { request, rawPath } = incoming
    const path = parseGitlabPath(rawPath)
    if (path === null) {
      return noRoute()
    }
    const allowed = methodsOf(path)
    if (!allowed.includes(request.method)) {
      return wrongMethod(allowed)
    }
    if (path.kind === 'invalid-name') {
      return answer(400, { error: 'package_name should be a valid file path' })
    }
    try {
      return await (isAnswered(path) ? this.#answer(incoming, path) : this.#call(incoming, path))
    } catch (error) {
      return presentThrown(error)
    }
  }

  /** Forgets all answers; called when the storage turned out not to have a file that one of them names. */
  forget(): void {
    this.#answers.clear()
    this.#public.clear()
  }

  #sendIfValid(request: Request, kept: Kept): Response | null {
    const isValid = kept.stamp === this.#parts.stamp() && this.#parts.clock.now() < kept.expiresAt
    return isValid ? this.#send(request, kept.outcome) : null
  }

  async #answer(incoming: Incoming, path: GitlabPath): Promise<Response> {
    const { request, baseUrl } = incoming
    const query = readQuery(request.url)
    const carried = readCarried(request, query)
    const wanted: Wanted = {
      path,
      coding: path.kind === 'archive' ? 'identity' : chooseCoding(request.headers.get('accept-encoding')),
      baseUrl,
      query,
      isSecondVersion: isSecondVersion(request),
    }
    const isNobody = isAnonymous(carried)
    const memory = isNobody ? this.#public : this.#answers
    const key = isNobody ? publicKey(wanted) : keyOf(request, this.#parts.hasFixedUrl ? '' : baseUrl)
    const kept = memory.find(key)
    const known = kept === undefined ? null : this.#sendIfValid(request, kept)
    if (known !== null) {
      return known
    }
    const origin = incoming.origin()
    const flight = `${this.#parts.stamp()} ${origin.address} ${key}`
    const finding = this.#finding.get(flight) ?? this.#find(wanted, { carried, origin, memory, key })
    this.#finding.set(flight, finding)
    try {
      return this.#send(request, (await finding).outcome)
    } finally {
      this.#finding.delete(flight)
    }
  }

  async #find(
    wanted: Wanted,
    { carried, origin, memory, key }: { carried: Carried; origin: Origin; memory: TwoGenerations<Kept>; key: string },
  ): Promise<Kept> {
    const stamp = this.#parts.stamp()
    const actor = await this.#identify(carried, origin, 'basic')
    const expiresAt = actor.kind === 'token' ? (actor.expiresAt ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
    const outcome = await this.#resolve(wanted, actor, origin)
    const kept = { stamp, expiresAt, outcome }
    const isOurs = memory === this.#public || (actor.kind === 'token' && actor.addresses === null)
    // A place in an object store is named for a few minutes only, and what is read while it is sent holds a directory of its own.
    const isKeepable = outcome === null || (outcome.redirect === undefined && outcome.body instanceof Uint8Array)
    if (isOurs && isKeepable) {
      memory.put(key, kept)
    }
    return kept
  }

  async #resolve(wanted: Wanted, actor: Actor, origin: Origin): Promise<KeptAnswer | null> {
    try {
      return await resolve(this.#parts.ctx(actor, origin), this.#parts, wanted)
    } catch (error) {
      if (isDomainError(error) && error.kind === 'not_found') {
        return null
      }
      throw error
    }
  }

  async #identify(carried: Carried, origin: Origin, jobs: 'basic' | 'all'): Promise<Actor> {
    const { db, clock } = this.#parts
    const actor = await identify({ db, now: clock.now() }, carried, jobs)
    requireAddress(actor, origin)
    return actor
  }

  async #call(incoming: Incoming, path: GitlabPath): Promise<Response> {
    const { request, baseUrl } = incoming
    const query = readQuery(request.url)
    const parameters = path.kind === 'publish' ? await readParameters(incoming, query) : query
    const origin = incoming.origin()
    const enter = async () => {
      const actor = await this.#identify(readCarried(request, parameters), origin, 'all')
      if (actor.kind === 'token') {
        this.#parts.usage.use(actor.token, this.#parts.clock.now())
      }
      return this.#parts.ctx(actor, origin)
    }
    return path.kind === 'publish'
      ? publish(enter, { project: path.project, parameters })
      : handlePackages(enter, { method: request.method, path, query, baseUrl, rawPath: incoming.rawPath })
  }

  #send(request: Request, outcome: KeptAnswer | null): Response {
    if (outcome === null) {
      return answer(404, { message: '404 Not Found' })
    }
    const { response, counts } = this.#parts.send(request, outcome)
    const { usage, clock } = this.#parts
    usage.serve({ token: outcome.token, download: counts ? outcome.download : null }, clock.now())
    return response
  }
}

function presentThrown(error: unknown): Response {
  if (error instanceof CredentialRefused) {
    return presentCredential(error)
  }
  if (error instanceof InvalidParameter) {
    return answer(400, { error: error.message })
  }
  if (isDomainError(error)) {
    return presentError(error)
  }
  throw error
}

function methodsOf({ kind }: GitlabPath): readonly string[] {
  switch (kind) {
    case 'publish':
      return ['POST']
    case 'package':
      return ['GET', 'HEAD', 'DELETE']
    case 'package-file':
      return ['DELETE']
    default:
      return ['GET', 'HEAD']
  }
}

/** None of the parts can have a line break, so different requests have different keys. */
function keyOf({ headers, url }: Request, baseUrl: string): string {
  const credentials = `${headers.get('authorization')}\n${headers.get('private-token')}\n${headers.get('deploy-token')}`
  const version = url.includes('/packages') && (headers.get('user-agent')?.includes(SECOND) ?? false) ? SECOND : ''
  return `${credentials}\n${headers.get('accept-encoding')}\n${version}\n${baseUrl}\n${url}`
}

function publicKey({ path, coding, baseUrl, query, isSecondVersion: isSecond }: Wanted): string {
  return JSON.stringify([
    path,
    coding,
    baseUrl,
    path.kind === 'archive' ? query.get('sha') : null,
    path.kind === 'root' && isSecond,
  ])
}

/** A client says so anywhere in its name, in this spelling (§2.1). */
const SECOND = 'Composer/2'

function isSecondVersion({ headers }: Request): boolean {
  return headers.get('user-agent')?.includes(SECOND) ?? false
}

function readQuery(url: string): URLSearchParams {
  const question = url.indexOf('?')
  const query = new URLSearchParams(question < 0 ? '' : url.slice(question))
  if ([...query.values()].some((value) => value.includes('\0'))) {
    throw new InvalidParameter('a NUL character is not allowed')
  }
  return query
}
