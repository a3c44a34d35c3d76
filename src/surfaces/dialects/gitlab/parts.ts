import type { FamilyAudience, FamilyDocumentRequest, ObtainedDist, UnknownReferences } from '../../../core/catalog/index.ts'
import type { Actor, Origin } from '../../../core/kernel/actor.ts'
import type { Ctx } from '../../../core/kernel/ctx.ts'
import type { Clock } from '../../../core/kernel/ports.ts'
import type { Db } from '../../../core/kernel/schema.ts'
import type { PackageId, TokenId } from '../../../core/kernel/values.ts'
import type { UsageBuffer } from '../../../core/statistics/index.ts'
import type { CodedDocument } from '../../http/coded-document.ts'

/** Where documents come from: rendered once for what they depend on. Null for what has no versions, or a checksum that nothing has. */
export interface Documents {
  familyPackage(request: FamilyDocumentRequest & { hash: string | null }): Promise<CodedDocument | null>
  familyProviders(
    request: { audience: FamilyAudience; archives: string; hash: string | null },
    stamp: { revision: string },
  ): Promise<CodedDocument | null>
}

/** An answer to a GET that can be given again as long as nothing changes; the server knows what its body is. */
export interface KeptAnswer {
  status: number
  headers: Readonly<Record<string, string>>
  body: unknown
  lastModified: string | null
  etag: string | null
  token: TokenId | null
  download: { package: PackageId; version: string } | null
  redirect?: string
}

/** What the surface is made of. */
export interface GitlabParts {
  /** Without it nothing is here. */
  isOn: boolean
  ctx(actor: Actor, origin: Origin): Ctx
  db: Db
  stamp(): number
  clock: Clock
  usage: UsageBuffer
  documents: Documents
  unknown: UnknownReferences
  /** Makes an answer of an archive. */
  toArchiveAnswer(
    ctx: Ctx,
    dist: ObtainedDist,
    presentation: { version: string | null; cacheControl: string },
  ): Promise<KeptAnswer>
  /** The response to one request, and whether a whole body goes out to a GET. */
  send(request: Request, answer: KeptAnswer): { response: Response; counts: boolean }
  /** Bytes that an answer holds in memory. */
  sizeOf(answer: KeptAnswer): number
  /** Memory for answers, in bytes. */
  cacheBytes: number
  /** The public URL is configured, so that an answer depends on nothing of a request but its URL and some headers. */
  hasFixedUrl: boolean
}

/** A request that was read so far. */
export interface Incoming {
  request: Request
  /** The path as it was sent. */
  rawPath: string
  baseUrl: string
  origin(): Origin
  /** Aborted when a body takes too long. */
  signal: AbortSignal
}
