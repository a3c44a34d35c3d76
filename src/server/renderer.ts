/** Rendering and compressing metadata: small documents where they are asked for, large ones on a thread of their own. */
import { zstdCompressSync, gzipSync } from 'node:zlib'
import { renderPackageDocument, renderRootDocument, type Audience, type DocumentRequest } from '../core/catalog/index.ts'
import type { Logger } from '../core/kernel/ports.ts'
import type { Db } from '../core/kernel/schema.ts'
import { countVersions } from '../core/packages/index.ts'
import type { CompressedDocument, DocumentRenderer } from '../surfaces/repository/document-store.ts'

/** What the thread is asked to render. */
export type RenderOrder =
  | { id: number; kind: 'package'; request: DocumentRequest }
  | { id: number; kind: 'root'; audience: Audience; repositoryUrl: string }

/** What the thread answers; `document` is null when it failed. */
export interface RenderResult {
  id: number
  document: CompressedDocument | null
}

/** Documents of more versions, and root files of organizations with many packages, are rendered on the thread. */
const INLINE_VERSIONS = 60

/** Compression that pays for bodies which are sent many times and made once. */
const GZIP_LEVEL = 7

/** Compresses a JSON text in every coding that is served. */
export function compressDocument(text: string): CompressedDocument {
  const bytes = Buffer.from(text)
  return { gzip: gzipSync(bytes, { level: GZIP_LEVEL }), zstd: zstdCompressSync(bytes), length: bytes.byteLength }
}

/** Renders in the calling thread. */
export function createInlineRenderer(db: Db): DocumentRenderer {
  return {
    renderPackage: async (request) => compressDocument(await renderPackageDocument(db, request)),
    renderRoot: async (audience, repositoryUrl) => compressDocument(await renderRootDocument(db, audience, repositoryUrl)),
  }
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

type Unnumbered = RenderOrder extends infer Order ? (Order extends RenderOrder ? Omit<Order, 'id'> : never) : never

/**
 * A renderer that gives large documents to a thread, started with the first of them. If the thread dies or fails, the document is rendered
 * inline, so that an answer never depends on it.
 */
export class ThreadedRenderer implements DocumentRenderer {
  readonly #db: Db
  readonly #log: Logger
  readonly #inline: DocumentRenderer
  readonly #waiting = new Map<number, (document: CompressedDocument | null) => void>()
  #thread: Worker | null = null
  #next = 0

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
    this.#inline = createInlineRenderer(db)
  }

  async renderPackage(request: DocumentRequest): Promise<CompressedDocument> {
    if ((await countVersions(this.#db, request.package.id)) <= INLINE_VERSIONS) {
      return this.#inline.renderPackage(request)
    }
    return (await this.#order({ kind: 'package', request })) ?? this.#inline.renderPackage(request)
  }

  async renderRoot(audience: Audience, repositoryUrl: string): Promise<CompressedDocument> {
    return (await this.#order({ kind: 'root', audience, repositoryUrl })) ?? this.#inline.renderRoot(audience, repositoryUrl)
  }

  /** Ends the thread; documents under way are rendered inline. */
  close(): void {
    this.#thread?.terminate()
    this.#giveUp(this.#thread)
  }

  #order(order: Unnumbered): Promise<CompressedDocument | null> {
    const thread = (this.#thread ??= this.#start())
    this.#next += 1
    const id = this.#next
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      thread.postMessage({ id, ...order })
    })
  }

  #start(): Worker {
    // Without being told, a thread gets the environment with which the process was started.
    const thread = new Worker(new URL('./render-thread-main.ts', import.meta.url), { env: environment() })
    thread.addEventListener('message', (event: MessageEvent<RenderResult>) => {
      this.#waiting.get(event.data.id)?.(event.data.document)
      this.#waiting.delete(event.data.id)
    })
    thread.addEventListener('error', (event) => {
      this.#log.error('The rendering thread failed.', { problem: event.message })
      thread.terminate()
      this.#giveUp(thread)
    })
    thread.addEventListener('close', () => this.#giveUp(thread))
    thread.unref()
    return thread
  }

  /** Resolves what waits for a thread that ended, unless another one was started since. */
  #giveUp(ended: Worker | null): void {
    if (this.#thread !== ended) {
      return
    }
    this.#thread = null
    for (const resolve of this.#waiting.values()) {
      resolve(null)
    }
    this.#waiting.clear()
  }
}
