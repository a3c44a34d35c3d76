import type { Audience, DocumentKind, DocumentRequest } from '../../core/catalog/index.ts'
import type { Package } from '../../core/packages/index.ts'
import { TwoGenerations } from '../http/two-generations.ts'

/** A JSON document in the codings that clients ask for. `length` is that of the plain text in bytes. */
export interface CompressedDocument {
  gzip: Uint8Array
  zstd: Uint8Array
  length: number
}

/** Renders and compresses documents, off the serving thread where that matters. */
export interface DocumentRenderer {
  renderPackage(request: DocumentRequest): Promise<CompressedDocument>
  renderRoot(audience: Audience, repositoryUrl: string): Promise<CompressedDocument>
}

interface Kept {
  revision: number
  document: CompressedDocument
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
  readonly #rendering = new Map<string, Promise<CompressedDocument>>()

  constructor(renderer: DocumentRenderer, bytes: number) {
    this.#renderer = renderer
    this.#kept = new TwoGenerations(
      { count: MAX_DOCUMENTS, bytes: bytes / 2 },
      ({ document }) => document.gzip.byteLength + document.zstd.byteLength + 200,
    )
  }

  /** The metadata document of a package at its present revision. */
  packageDocument(target: Package, kind: DocumentKind, repositoryUrl: string): Promise<CompressedDocument> {
    return this.#find(`${target.id} ${kind} ${repositoryUrl}`, target.revision, () =>
      this.#renderer.renderPackage({ package: target, kind, repositoryUrl }),
    )
  }

  /** The root document of a repository for one view at the organization's present revision. */
  rootDocument(audience: Audience, repositoryUrl: string): Promise<CompressedDocument> {
    const { organization, view } = audience
    return this.#find(`root ${organization.id} ${view} ${repositoryUrl}`, organization.revision, () =>
      this.#renderer.renderRoot(audience, repositoryUrl),
    )
  }

  /** Bytes held in memory. */
  get bytes(): number {
    return this.#kept.bytes
  }

  async #find(key: string, revision: number, render: () => Promise<CompressedDocument>): Promise<CompressedDocument> {
    const kept = this.#kept.find(key)
    if (kept?.revision === revision) {
      return kept.document
    }
    const flight = `${revision} ${key}`
    const underWay = this.#rendering.get(flight)
    if (underWay !== undefined) {
      return underWay
    }
    const rendering = render()
    this.#rendering.set(flight, rendering)
    try {
      const document = await rendering
      this.#kept.put(key, { revision, document })
      return document
    } finally {
      this.#rendering.delete(flight)
    }
  }
}
