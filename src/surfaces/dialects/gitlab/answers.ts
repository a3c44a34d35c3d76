/** The answers that clients ask for all day: documents and archives (contract gitlab.md §2.1 to §2.4, §2.9). */
import { prefixZip } from '../../../composer/index.ts'
import {
  findFamilyPackages,
  getFamilyAudience,
  getSourceAudience,
  obtainPublishedDist,
  readFamilyStamp,
  viewModifiedAt,
  type FamilyAudience,
  type ObtainedDist,
} from '../../../core/catalog/index.ts'
import type { Ctx } from '../../../core/kernel/ctx.ts'
import { DomainError } from '../../../core/kernel/errors.ts'
import { toSeconds, type OrganizationId, type SourceId } from '../../../core/kernel/values.ts'
import { InvalidParameter, VARY } from './errors.ts'
import type { GitlabParts, KeptAnswer } from './parts.ts'
import type { GitlabPath } from './path.ts'
import { represent, type CodedDocument, type Coding } from '../../http/coded-document.ts'
import { toHttpDate } from '../../http/http-date.ts'

/** What an answer is made for, besides the actor. */
export interface Wanted {
  path: GitlabPath
  coding: Coding
  baseUrl: string
  query: URLSearchParams
  /** The root document of the second version of the protocol alone (§2.1). */
  isSecondVersion: boolean
}

/** The kinds of path that are answered so. */
const ANSWERED = new Set(['root', 'providers', 'v1', 'v2', 'archive'])

/** Whether a path is asked for all day. */
export function isAnswered({ kind }: GitlabPath): boolean {
  return ANSWERED.has(kind)
}

/** Makes an answer for one actor. Throws the `DomainError` of what does not exist for it, and `InvalidParameter`. */
export async function resolve(ctx: Ctx, parts: GitlabParts, wanted: Wanted): Promise<KeptAnswer> {
  const { path } = wanted
  switch (path.kind) {
    case 'root':
      return resolveRoot(ctx, parts, { ...wanted, audience: await family(ctx, path.group) })
    case 'providers':
      return resolveProviders(ctx, parts, { ...wanted, audience: await family(ctx, path.group), sha: path.sha })
    case 'v1':
      if (path.sha === null) {
        await family(ctx, path.group)
        throw new DomainError('package_not_found')
      }
      return resolvePackage(ctx, parts, { ...wanted, ...path, audience: await family(ctx, path.group), kind: 'all' })
    case 'v2': {
      const kind = path.isDevelopment === 'yes' ? 'dev' : 'all'
      return resolvePackage(ctx, parts, { ...wanted, ...path, sha: null, audience: await family(ctx, path.group), kind })
    }
    case 'archive':
      return resolveArchive(ctx, parts, { ...wanted, ...path })
    default:
      throw new DomainError('package_not_found')
  }
}

function family(ctx: Ctx, group: number | string): Promise<FamilyAudience> {
  return getFamilyAudience(ctx, group as OrganizationId | string)
}

/** Where archives are; the core fills the places in. */
function archivesAt(baseUrl: string): string {
  return `${baseUrl}/api/v4/projects/%source%/packages/composer/archives/%name%.%format%?sha=%reference%`
}

type InFamily = Wanted & { audience: FamilyAudience }

async function resolveRoot(ctx: Ctx, parts: GitlabParts, wanted: InFamily): Promise<KeptAnswer> {
  const { audience, baseUrl, isSecondVersion } = wanted
  const address = `${new URL(baseUrl).pathname.replace(/\/$/, '')}/api/v4/group/${audience.organization.id}/-/packages/composer`
  const common = { packages: [], 'metadata-url': `${address}/p2/%package%.json` }
  if (isSecondVersion) {
    const modifiedAt = viewModifiedAt(toSeconds(audience.organization.createdAt), `second ${address}`)
    return toJsonAnswer(ctx, JSON.stringify(common), modifiedAt)
  }
  const stamp = await readFamilyStamp(ctx.db, audience)
  const providers = await getProviders(parts, wanted, stamp)
  const text = JSON.stringify({
    ...common,
    'provider-includes': { 'p/%hash%.json': { sha256: providers.hash } },
    'providers-url': `${address}/%package%$%hash%.json`,
  })
  return toJsonAnswer(ctx, text, viewModifiedAt(stamp.modifiedAt, `first ${audience.view} ${stamp.revision} ${address}`))
}

async function resolveProviders(ctx: Ctx, parts: GitlabParts, wanted: InFamily & { sha: string }): Promise<KeptAnswer> {
  const { audience, baseUrl, sha } = wanted
  const stamp = await readFamilyStamp(ctx.db, audience)
  const request = { audience, archives: archivesAt(baseUrl), hash: sha }
  const current = await getProviders(parts, wanted, stamp)
  const isOld = current.hash !== sha && /^[0-9a-f]{64}$/.test(sha)
  const old = isOld ? await parts.documents.familyProviders(request, stamp) : null
  const modifiedAt = viewModifiedAt(stamp.modifiedAt, `providers ${audience.view} ${stamp.revision}`)
  return toDocumentAnswer(ctx, wanted, { document: old ?? current, modifiedAt: old === null ? modifiedAt : null })
}

async function getProviders(
  parts: GitlabParts,
  { audience, baseUrl }: InFamily,
  stamp: { revision: string },
): Promise<CodedDocument> {
  const document = await parts.documents.familyProviders({ audience, archives: archivesAt(baseUrl), hash: null }, stamp)
  if (document === null) {
    throw new Error('The list of packages was not rendered.')
  }
  return document
}

async function resolvePackage(
  ctx: Ctx,
  parts: GitlabParts,
  wanted: InFamily & { name: string; sha: string | null; kind: 'all' | 'dev' },
): Promise<KeptAnswer> {
  const { audience, baseUrl, name, sha, kind } = wanted
  const packages = await findFamilyPackages(ctx.db, audience, name)
  if (packages.length === 0) {
    throw new DomainError('package_not_found')
  }
  const request = { name, packages, kind, archives: archivesAt(baseUrl), hash: null }
  const document = await parts.documents.familyPackage(request)
  const isOld = document?.hash !== sha && sha !== null && /^[0-9a-f]{64}$/.test(sha)
  const old = isOld ? await parts.documents.familyPackage({ ...request, hash: sha }) : null
  const found = old ?? document
  if (found === null) {
    throw new DomainError('package_not_found')
  }
  const newest = Math.max(...packages.map((one) => one.package.modifiedAt))
  const state = packages.map((one) => `${one.package.id}:${one.package.revision}:${one.repository}`).join()
  return toDocumentAnswer(ctx, wanted, {
    document: found,
    modifiedAt: old === null ? viewModifiedAt(newest, `${kind} ${state}`) : null,
  })
}

async function resolveArchive(
  ctx: Ctx,
  parts: GitlabParts,
  wanted: Wanted & { project: number | string; file: string },
): Promise<KeptAnswer> {
  const { project, file, query } = wanted
  const sha = query.get('sha')
  if (sha === null) {
    throw new InvalidParameter('sha is missing')
  }
  const seen = await getSourceAudience(ctx, project as SourceId | string, 'archives')
  requirePolicy(ctx)
  const [, name, format] = /^(.+?)\.(zip|tar|tar\.gz|tar\.bz2)$/.exec(file) ?? []
  if (name === undefined || !/^[0-9a-fA-F]{40,64}$/.test(sha)) {
    throw new DomainError('dist_not_found')
  }
  const dist = await obtainPublishedDist(ctx, seen, {
    name: name.toLowerCase(),
    reference: sha.toLowerCase(),
    unknown: parts.unknown,
  })
  if (dist.format !== format) {
    throw new DomainError('dist_not_found')
  }
  const base = `${seen.source.path ?? seen.source.id}-${dist.reference}-${dist.reference}`
  // What was uploaded is sent byte for byte; what is built of a commit is below one directory, as GitLab has it.
  const sent = seen.source.kind === 'vcs' && format === 'zip' ? await inDirectory(dist, base) : dist
  const answer = await parts.toArchiveAnswer(ctx, sent, { version: null, cacheControl: FOR_EVER })
  return {
    ...answer,
    headers: {
      ...answer.headers,
      Vary: VARY,
      'Content-Disposition': `attachment; filename="${base}.${dist.format}"`,
      'Content-Transfer-Encoding': 'binary',
    },
  }
}

/** The archive below one directory, read from the stored one while it is sent. */
async function inDirectory(dist: ObtainedDist, directory: string): Promise<ObtainedDist> {
  const prefixed = await prefixZip(toReadable(dist.location), directory)
  return prefixed === null ? dist : { ...dist, location: { kind: 'remote', ...prefixed } }
}

function toReadable(location: ObtainedDist['location']): Parameters<typeof prefixZip>[0] {
  switch (location.kind) {
    case 'bytes': {
      const { bytes } = location
      return { size: bytes.length, read: async (position, length) => bytes.subarray(position, position + length) }
    }
    case 'file': {
      const file = Bun.file(location.path)
      return { size: location.size, read: (position, length) => file.slice(position, position + length).bytes() }
    }
    default:
      return location
  }
}

/** The token of a job downloads only with the policy to read packages (§1.6). */
function requirePolicy({ actor }: Ctx): void {
  if (actor.kind === 'token' && actor.job !== undefined && actor.scopes?.includes('package:read') === false) {
    throw new DomainError('forbidden', { action: 'download archives' })
  }
}

const FOR_EVER = 'private, max-age=31536000, immutable'
const CACHE_CONTROL = 'private, max-age=0, must-revalidate'

function toDocumentAnswer(
  ctx: Ctx,
  wanted: Pick<Wanted, 'coding'>,
  { document, modifiedAt }: { document: CodedDocument; modifiedAt: number | null },
): KeptAnswer {
  const { body, etag, headers } = represent(document, wanted.coding)
  const lastModified = modifiedAt === null ? null : toHttpDate(modifiedAt)
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      ...(lastModified === null ? {} : { 'Last-Modified': lastModified }),
      ...headers,
      'Cache-Control': CACHE_CONTROL,
      Vary: `${VARY}, Accept-Encoding`,
      'X-Content-Type-Options': 'nosniff',
    },
    body,
    lastModified,
    etag,
    token: ctx.actor.kind === 'token' ? ctx.actor.token : null,
    download: null,
  }
}

/** The root document is small, and other for older clients. */
function toJsonAnswer(ctx: Ctx, text: string, modifiedAt: number): KeptAnswer {
  const lastModified = toHttpDate(modifiedAt)
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'Last-Modified': lastModified,
      'Cache-Control': CACHE_CONTROL,
      Vary: `${VARY}, User-Agent`,
      'X-Content-Type-Options': 'nosniff',
    },
    body: new TextEncoder().encode(text),
    lastModified,
    etag: null,
    token: ctx.actor.kind === 'token' ? ctx.actor.token : null,
    download: null,
  }
}
