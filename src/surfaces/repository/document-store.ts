import type {
  Audience,
  CatalogStamp,
  DocumentRequest,
  FamilyAudience,
  FamilyDocumentRequest,
  KeyedRequest,
  Origins,
  RootRequest,
} from '../../core/catalog/index.ts'
import type { Package } from '../../core/packages/index.ts'
import { TwoGenerations } from '../http/two-generations.ts'
import type { CodedDocument } from '../http/coded-document.ts'

/** A file of Composer 1 that is asked for by its checksum. */
export interface LegacyFileRequest extends RootRequest {
  /** The name of a list, or of a package or of what packages provide. */
  name: string
  hash: string
}

/** A file of Composer 1 that is asked for by its name. */
export interface LazyRequest {
  packages: readonly Package[]
  repositoryUrl: string
  origins: Origins
}

/** A package of a family; with a checksum exactly the text that has it, if it was listed lately. */
export interface FamilyPackageRequest extends FamilyDocumentRequest {
  hash: string | null
}

/** The list of the packages of a family; with a checksum exactly the text that has it, if it was current lately. */
export interface ProvidersRequest {
  audience: FamilyAudience
  /** See `FamilyDocumentRequest`. */
  archives: string
  hash: string | null
}

/**
 * A document to be rendered. `package` and `root` are those of Composer 2; `keyed` and `inline-root` the documented form; the others are for
 * Composer 1. All but what is asked for by its checksum exists.
 */
export type DocumentOrder =
  | { kind: 'package'; request: DocumentRequest }
  | { kind: 'root'; request: RootRequest }
  | { kind: 'keyed'; request: KeyedRequest }
  | { kind: 'inline-root'; request: RootRequest }
  | { kind: 'legacy-root'; request: RootRequest }
  | { kind: 'legacy-list'; request: LegacyFileRequest }
  | { kind: 'legacy-file'; request: LegacyFileRequest }
  | { kind: 'legacy-lazy'; request: LazyRequest }
  | { kind: 'family-package'; request: FamilyPackageRequest }
  | { kind: 'family-providers'; request: ProvidersRequest }

/** Renders and compresses documents, off the serving thread where that matters. */
export interface DocumentRenderer {
  /** Null for a checksum that no present or recent file has. */
  render(order: DocumentOrder): Promise<CodedDocument | null>
}

interface Kept {
  revision: number | string
  document: CodedDocument
}

const MAX_DOCUMENTS = 100_000

/**
 * Rendered documents by what they depend on. A document is good for one revision of its package or organization, which is
 * compared on every use, so nothing has to be told when something changes. Of several who need the same document at once,
 * one renders it.
 */
export class DocumentStore {
  readonly #renderer: DocumentRenderer
  readonly #kept: TwoGenerations<Kept>
  readonly #rendering = new Map<string, Promise<CodedDocument | null>>()

  constructor(renderer: DocumentRenderer, bytes: number) {
    this.#renderer = renderer
    this.#kept = new TwoGenerations(
      { count: MAX_DOCUMENTS, bytes: bytes / 2 },
      ({ document }) => document.gzip.byteLength + document.zstd.byteLength + 200,
    )
  }

  /** The metadata document of a package at its present revision. */
  packageDocument(request: DocumentRequest): Promise<CodedDocument> {
    const { package: target, kind, repositoryUrl, origins = 'all', vouched = 'none' } = request
    return this.#get(`${target.id} ${kind} ${origins} ${vouched} ${repositoryUrl}`, target.revision, { kind: 'package', request })
  }

  /** The root document of a repository for one view at the organization's present revision. */
  rootDocument(request: RootRequest): Promise<CodedDocument> {
    return this.#get(`root ${viewOf(request)} ${JSON.stringify(request.notices ?? [])}`, request.audience.organization.revision, {
      kind: 'root',
      request,
    })
  }

  /** The documented form of a package's metadata at its present revision. */
  keyedDocument(request: KeyedRequest): Promise<CodedDocument> {
    const { package: target, kind, repositoryUrl, origins = 'all' } = request
    return this.#get(`keyed ${target.id} ${kind} ${origins} ${repositoryUrl}`, target.revision, { kind: 'keyed', request })
  }

  /** A root document that depends on all packages, at the present stamp of the catalog. */
  wholeDocument(kind: 'inline-root' | 'legacy-root', request: RootRequest, stamp: CatalogStamp): Promise<CodedDocument> {
    return this.#get(`${kind} ${viewOf(request)}`, stamp.revision, { kind, request })
  }

  /** A file of Composer 1 by its checksum; null when no present or recent file has it. Files of one view are never given to another. */
  legacyFile(kind: 'legacy-list' | 'legacy-file', request: LegacyFileRequest): Promise<CodedDocument | null> {
    return this.#find(`${kind} ${viewOf(request)} ${request.name}`, request.hash, { kind, request })
  }

  /** The file of a name made of these packages at their present revisions. `name` is in lower case. */
  lazyDocument(name: string, request: LazyRequest): Promise<CodedDocument> {
    const { packages, repositoryUrl, origins } = request
    const revision = packages.map(({ id, revision }) => `${id}:${revision}`).join()
    return this.#get(`lazy ${packages[0]?.organization} ${name} ${origins} ${repositoryUrl}`, revision, {
      kind: 'legacy-lazy',
      request,
    })
  }

  /** A package of a family at its present revisions; null when it has no versions, or no text with that checksum is known. */
  familyPackage(request: FamilyPackageRequest): Promise<CodedDocument | null> {
    const { name, packages, kind, archives, hash } = request
    const state = packages.map((one) => `${one.package.id}:${one.package.revision}:${one.repository}`).join()
    const ids = packages.map((one) => one.package.id).join()
    const key = `family ${kind} ${name} ${ids} ${packages.map((one) => one.repository === null).join()} ${archives}`
    const revision = hash ?? state
    return this.#find(hash === null ? key : `${key} ${hash}`, revision, { kind: 'family-package', request })
  }

  /** The list of the packages of a family at its present stamp; null when no text with that checksum is known. */
  familyProviders(request: ProvidersRequest, stamp: Pick<CatalogStamp, 'revision'>): Promise<CodedDocument | null> {
    const { audience, archives, hash } = request
    const key = `providers ${audience.organization.id} ${audience.view} ${archives}`
    const order = { kind: 'family-providers', request } as const
    return hash === null ? this.#find(key, stamp.revision, order) : this.#find(`${key} ${hash}`, hash, order)
  }

  /** Bytes held in memory. */
  get bytes(): number {
    return this.#kept.bytes
  }

  async #get(key: string, revision: number | string, order: DocumentOrder): Promise<CodedDocument> {
    const document = await this.#find(key, revision, order)
    if (document === null) {
      throw new Error(`A document of kind ${order.kind} was not rendered.`)
    }
    return document
  }

  async #find(key: string, revision: number | string, order: DocumentOrder): Promise<CodedDocument | null> {
    const kept = this.#kept.find(key)
    if (kept?.revision === revision) {
      return kept.document
    }
    const flight = `${revision} ${key}`
    const underWay = this.#rendering.get(flight)
    if (underWay !== undefined) {
      return underWay
    }
    const rendering = this.#renderer.render(order)
    this.#rendering.set(flight, rendering)
    try {
      const document = await rendering
      if (document !== null) {
        this.#kept.put(key, { revision, document })
      }
      return document
    } finally {
      this.#rendering.delete(flight)
    }
  }
}

/** What tells the views of one repository apart. */
function viewOf({ audience, repositoryUrl }: { audience: Audience; repositoryUrl: string }): string {
  return `${audience.organization.id} ${audience.view} ${repositoryUrl}`
}
