import type { ArchiveFormat } from '../../composer/index.ts'
import {
  getAudience,
  getVisiblePackage,
  obtainDist,
  viewModifiedAt,
  type Audience,
  type UnknownReferences,
} from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import type { TokenId } from '../../core/kernel/values.ts'
import { findVersionOfReference } from '../../core/packages/index.ts'
import { toHttpDate, type Answer } from './answer.ts'
import type { CompressedDocument, DocumentStore } from './document-store.ts'
import type { RepositoryPath } from './repository-path.ts'

/** Archives up to this size are kept in memory with their answer; larger ones are sent from the file. */
const SMALL_ARCHIVE = 64 * 1024

const ARCHIVE_TYPES: Readonly<Record<ArchiveFormat, string>> = {
  zip: 'application/zip',
  tar: 'application/x-tar',
  'tar.gz': 'application/gzip',
  'tar.bz2': 'application/x-bzip2',
}

/** How a client wants JSON to be coded. */
export type Coding = 'zstd' | 'gzip' | 'identity'

/** What an answer is made for, besides the actor. */
export interface Wanted {
  path: RepositoryPath
  coding: Coding
  baseUrl: string
}

/** What answers are made with; one of each per server. */
export interface AnswerTools {
  documents: DocumentStore
  unknown: UnknownReferences
}

/**
 * Makes the answer to one path of a repository for one actor. Throws the `DomainError` of whatever does not exist for that actor.
 */
export async function resolveAnswer(ctx: Ctx, tools: AnswerTools, wanted: Wanted): Promise<Answer> {
  const { documents } = tools
  const { path } = wanted
  const audience = await getAudience(ctx, path.organization)
  const token = ctx.actor.kind === 'token' ? ctx.actor.token : null
  const repositoryUrl = `${wanted.baseUrl}/${audience.organization.slug}`
  switch (path.kind) {
    case 'root': {
      const document = await documents.rootDocument(audience, repositoryUrl)
      const modifiedAt = viewModifiedAt(audience.organization.modifiedAt, audience.view)
      return toDocumentAnswer(document, { modifiedAt, coding: wanted.coding, token })
    }
    case 'metadata': {
      const target = await getVisiblePackage(ctx, audience, path.name)
      const document = await documents.packageDocument(target, path.document, repositoryUrl)
      return toDocumentAnswer(document, { modifiedAt: target.modifiedAt, coding: wanted.coding, token })
    }
    case 'dist':
      return resolveDist(ctx, audience, {
        name: path.name,
        version: path.version,
        reference: path.reference,
        token,
        unknown: tools.unknown,
      })
  }
}

function toDocumentAnswer(
  document: CompressedDocument,
  { modifiedAt, coding, token }: { modifiedAt: number; coding: Coding; token: TokenId | null },
): Answer {
  const lastModified = toHttpDate(modifiedAt)
  return {
    status: 200,
    headers: {
      'Content-Type': 'application/json',
      'Last-Modified': lastModified,
      'Cache-Control': 'private, no-cache',
      Vary: 'Authorization, Accept-Encoding',
      'X-Content-Type-Options': 'nosniff',
      ...(coding === 'identity' ? {} : { 'Content-Encoding': coding }),
    },
    body: encode(document, coding),
    lastModified,
    token,
    download: null,
  }
}

function encode(document: CompressedDocument, coding: Coding): Uint8Array {
  switch (coding) {
    case 'zstd':
      return document.zstd
    case 'gzip':
      return document.gzip
    case 'identity':
      return Bun.gunzipSync(document.gzip as Uint8Array<ArrayBuffer>)
  }
}

async function resolveDist(
  ctx: Ctx,
  audience: Audience,
  input: { name: string; version: string | null; reference: string; token: TokenId | null; unknown: UnknownReferences },
): Promise<Answer> {
  const dist = await obtainDist(ctx, audience, input)
  const version = await findVersionOfReference(ctx.db, dist.package.id, { reference: dist.reference, version: input.version })
  const common = {
    headers: {
      'Content-Type': ARCHIVE_TYPES[dist.format],
      'Cache-Control': 'private, max-age=86400',
      Vary: 'Authorization',
      'Accept-Ranges': 'bytes',
      // Without a name of ours the runtime would tell the name of the file in the storage.
      'Content-Disposition': `attachment; filename="${dist.package.name.replace('/', '-')}-${dist.reference.slice(0, 12)}.${dist.format}"`,
      'X-Content-Type-Options': 'nosniff',
    },
    lastModified: null,
    token: input.token,
    download: { package: dist.package.id, version: version ?? dist.reference },
  }
  const { location } = dist
  switch (location.kind) {
    case 'bytes':
      return { ...common, status: 200, body: location.bytes }
    case 'file':
      return { ...common, status: 200, body: location.size > SMALL_ARCHIVE ? location : await Bun.file(location.path).bytes() }
    case 'url':
      return {
        ...common,
        status: 302,
        headers: { Location: location.url, 'Cache-Control': 'private, no-store' },
        body: new Uint8Array(),
      }
  }
}
