import {
  findProviding,
  getAudience,
  obtainVisiblePackage,
  readAdvisoryHealth,
  readCatalogStamp,
  readRepositoryHealth,
  viewModifiedAt,
  type Audience,
  type ByTheClock,
  type Origins,
  type UnknownReferences,
} from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError, isDomainError } from '../../core/kernel/errors.ts'
import type { Instant } from '../../core/kernel/values.ts'
import { findOrganizationByPath } from '../../core/organizations/index.ts'
import type { Answer } from './answer.ts'
import type { DocumentStore } from './document-store.ts'
import { toRepositoryUrl, type RepositoryAddress, type RepositoryPath } from './repository-path.ts'
import { resolveDist, resolveVersion } from './resolve-archive.ts'
import { represent, type CodedDocument, type Coding } from '../http/coded-document.ts'
import { toHttpDate } from '../http/http-date.ts'

/** What an answer is made for, besides the actor. */
export interface Wanted {
  path: RepositoryPath
  coding: Coding
  baseUrl: string
  /** The query with its question mark, or nothing. */
  search: string
  /** The client speaks version 1 of the protocol. */
  isLegacy: boolean
}

/** What answers are made with; one of each per server. */
export interface AnswerTools {
  documents: DocumentStore
  unknown: UnknownReferences
}

/** What is being answered, and for whom. */
interface Asking {
  ctx: Ctx
  tools: AnswerTools
  wanted: Wanted
  audience: Audience
  repositoryUrl: string
}

/**
 * Makes the answer to one path of a repository for one actor. Throws the `DomainError` of whatever does not exist for that actor.
 */
export async function resolveAnswer(ctx: Ctx, tools: AnswerTools, wanted: Wanted): Promise<Answer> {
  const { path } = wanted
  const audience = await getRepositoryAudience(ctx, path)
  const asking: Asking = { ctx, tools, wanted, audience, repositoryUrl: toRepositoryUrl(wanted.baseUrl, path) }
  const { unknown } = tools
  switch (path.kind) {
    case 'root':
      return resolveRoot(asking)
    case 'metadata':
      return resolveMetadata(asking, path)
    case 'dist':
      return resolveDist(ctx, audience, { ...path, unknown })
    case 'version':
      return resolveVersion(ctx, audience, { ...path, reference: new URLSearchParams(wanted.search).get('reference'), unknown })
    case 'legacy-list':
    case 'legacy-file':
      return path.hash === null ? resolveLazy(asking, path.name) : resolveHashed(asking, path.kind, { ...path, hash: path.hash })
  }
}

/**
 * The audience of an actor in a repository. Both forms answer 401 to nobody, and 404 for what does not exist. Somebody else's organization
 * does not exist either, but the documented form has to say 401 for it (PR-006).
 */
export async function getRepositoryAudience(ctx: Ctx, { form, organization }: RepositoryAddress): Promise<Audience> {
  try {
    return await getAudience(ctx, organization)
  } catch (error) {
    const isForeign =
      form === 'documented' &&
      isDomainError(error) &&
      error.code === 'organization_not_found' &&
      (await findOrganizationByPath(ctx.db, organization)) !== null
    throw isForeign ? new DomainError('unauthenticated') : error
  }
}

const SHORT = 'max-age=300, private'
const LONG = 'max-age=3600, private'
/** Composer 1 gets a root file of its own. */
const BY_AGENT = ', User-Agent'
const FOR_EVER = 'max-age=31536000, private, immutable'

async function resolveRoot(asking: Asking): Promise<Answer> {
  const { ctx, tools, wanted, audience, repositoryUrl } = asking
  const request = { audience, repositoryUrl }
  if (wanted.path.form === 'canonical' && !wanted.isLegacy) {
    const health = await readRepositoryHealth(ctx, audience.organization.id)
    const modifiedAt = viewModifiedAt(atLeastSince(audience.organization.modifiedAt, health), audience.view)
    const document = await tools.documents.rootDocument({ ...request, notices: health.notices })
    return toDocumentAnswer(asking, document, { modifiedAt, cacheControl: SHORT, vary: BY_AGENT, until: health.until })
  }
  const kind = wanted.path.form === 'documented' ? 'inline-root' : 'legacy-root'
  const stamp = await readCatalogStamp(ctx.db, audience.organization)
  const document = await tools.documents.wholeDocument(kind, request, stamp)
  // Changes of two packages may share a second, so the time alone does not tell one state from another.
  const modifiedAt = viewModifiedAt(stamp.modifiedAt, `${kind} ${audience.view} ${stamp.revision}`)
  return toDocumentAnswer(asking, document, { modifiedAt, cacheControl: SHORT, vary: kind === 'legacy-root' ? BY_AGENT : '' })
}

async function resolveMetadata(asking: Asking, path: RepositoryPath & { kind: 'metadata' }): Promise<Answer> {
  const { ctx, tools, audience, repositoryUrl } = asking
  const target = await obtainVisiblePackage(ctx, audience, path.name)
  const { origins } = audience
  if (path.form === 'canonical' && path.document === 'stable') {
    const health = await readAdvisoryHealth(ctx)
    const request = { package: target, kind: path.document, repositoryUrl, origins, vouched: health.vouched }
    const document = await tools.documents.packageDocument(request)
    const modifiedAt = timeOf(atLeastSince(target.modifiedAt, health), origins)
    return toDocumentAnswer(asking, document, { modifiedAt, cacheControl: LONG, until: health.until })
  }
  const modifiedAt = timeOf(target.modifiedAt, origins)
  if (path.form === 'canonical') {
    const document = await tools.documents.packageDocument({ package: target, kind: path.document, repositoryUrl, origins })
    return toDocumentAnswer(asking, document, { modifiedAt, cacheControl: SHORT })
  }
  const kind = path.document === 'stable' ? 'all' : 'dev'
  const document = await tools.documents.keyedDocument({ package: target, kind, repositoryUrl, origins })
  return toDocumentAnswer(asking, document, { modifiedAt, cacheControl: SHORT })
}

/** Whoever joins or leaves the organization must not take the copy of another view for the present one. */
function timeOf(modifiedAt: number, origins: Origins): number {
  return origins === 'all' ? modifiedAt : viewModifiedAt(modifiedAt, origins)
}

/** The time in seconds of a document that became another one by the clock alone. */
function atLeastSince(modifiedAt: number, { since }: ByTheClock): number {
  return since === null ? modifiedAt : Math.max(modifiedAt, Math.ceil(since / 1000))
}

/** A file that is named by its own checksum never changes. */
async function resolveHashed(
  asking: Asking,
  kind: 'legacy-list' | 'legacy-file',
  { name, hash }: { name: string; hash: string },
): Promise<Answer> {
  const { tools, audience, repositoryUrl } = asking
  const document = await tools.documents.legacyFile(kind, { audience, repositoryUrl, name, hash })
  if (document === null) {
    throw new DomainError('package_not_found')
  }
  return toDocumentAnswer(asking, document, { modifiedAt: null, cacheControl: FOR_EVER })
}

async function resolveLazy(asking: Asking, name: string): Promise<Answer> {
  const { ctx, tools, audience, repositoryUrl } = asking
  const known = await findProviding(ctx, audience, name)
  const packages = known.length > 0 ? known : [await obtainVisiblePackage(ctx, audience, name)]
  const [first] = packages
  if (first === undefined) {
    throw new DomainError('package_not_found')
  }
  const { origins } = audience
  const document = await tools.documents.lazyDocument(name, { packages, repositoryUrl, origins })
  const newest = Math.max(...packages.map((one) => one.modifiedAt))
  const state = packages.map(({ id, revision }) => `${id}:${revision}`).join()
  const isOwn = packages.length === 1 && first.name === name && origins === 'all'
  const modifiedAt = isOwn ? newest : viewModifiedAt(newest, `lazy ${origins} ${state}`)
  return toDocumentAnswer(asking, document, { modifiedAt, cacheControl: SHORT })
}

/** What of an answer the document does not say. `until`: see `Answer`; null for no end. */
interface DocumentHeaders {
  modifiedAt: number | null
  cacheControl: string
  vary?: string
  until?: Instant | null
}

function toDocumentAnswer(
  { ctx, wanted }: Asking,
  document: CodedDocument,
  { modifiedAt, cacheControl, vary = '', until = null }: DocumentHeaders,
): Answer {
  const { body, etag, headers } = represent(document, wanted.coding)
  const lastModified = modifiedAt === null ? null : toHttpDate(modifiedAt)
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      ...(lastModified === null ? {} : { 'Last-Modified': lastModified }),
      ...headers,
      'Cache-Control': cacheControl,
      Vary: `Authorization, Accept-Encoding${vary}`,
      'X-Content-Type-Options': 'nosniff',
    },
    body,
    lastModified,
    etag,
    ...(until === null ? {} : { until }),
    token: ctx.actor.kind === 'token' ? ctx.actor.token : null,
    download: null,
  }
}
