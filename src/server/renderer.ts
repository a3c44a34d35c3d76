/** Rendering and compressing metadata: small documents where they are asked for, large ones on a thread of their own. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createGzip, createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib'
import { renderInlineRoot, renderKeyedDocument, renderPackageDocument, renderRootDocument } from '../core/catalog/index.ts'
import type { Logger } from '../core/kernel/ports.ts'
import type { Db } from '../core/kernel/schema.ts'
import { countVersions } from '../core/packages/index.ts'
import type { DocumentOrder, DocumentRenderer, FamilyPackageRequest } from '../surfaces/repository/document-store.ts'
import { FamilyRepository } from './family-repository.ts'
import { LegacyRepository } from './legacy-repository.ts'
import type { CodedDocument } from '../surfaces/http/coded-document.ts'

/** What the thread is asked to render. */
export interface RenderOrder {
  id: number
  order: DocumentOrder
}

/** What the thread answers; `document` is undefined when it failed. */
export interface RenderResult {
  id: number
  document: CodedDocument | null | undefined
}

/** Documents of more versions, and those of many packages, are rendered on the thread. */
const INLINE_VERSIONS = 60

/** Compression that pays for bodies which are sent many times and made once. */
const GZIP_LEVEL = 7

/** Compresses a JSON text in every coding that is served. */
export function compressDocument(text: string): CodedDocument {
  const bytes = Buffer.from(text)
  return {
    gzip: gzipSync(bytes, { level: GZIP_LEVEL }),
    zstd: zstdCompressSync(bytes),
    length: bytes.byteLength,
    hash: createHash('sha256').update(bytes).digest('hex'),
  }
}

/** As `compressDocument` for a text that comes in pieces and is never in memory as a whole. */
export async function compressPieces(pieces: AsyncIterable<string>): Promise<CodedDocument> {
  const hash = createHash('sha256')
  const gzip = createGzip({ level: GZIP_LEVEL })
  const zstd = createZstdCompress()
  const coded = Promise.all([buffer(gzip), buffer(zstd)])
  let length = 0
  try {
    for await (const piece of pieces) {
      const bytes = Buffer.from(piece)
      hash.update(bytes)
      length += bytes.byteLength
      await write(gzip, bytes)
      await write(zstd, bytes)
    }
  } catch (error) {
    coded.catch(() => {})
    gzip.destroy()
    zstd.destroy()
    throw error
  }
  gzip.end()
  zstd.end()
  const [gzipped, zstandard] = await coded
  return { gzip: gzipped, zstd: zstandard, length, hash: hash.digest('hex') }
}

async function write(coder: Writable, bytes: Uint8Array): Promise<void> {
  if (!coder.write(bytes)) {
    await once(coder, 'drain')
  }
}

/** Renders in the calling thread. */
export function createInlineRenderer(db: Db): DocumentRenderer {
  const legacy = new LegacyRepository(db)
  const family = new FamilyRepository(db)
  return {
    async render(order) {
      if (order.kind === 'inline-root') {
        return compressPieces(renderInlineRoot(db, order.request.audience, order.request.repositoryUrl))
      }
      if (order.kind === 'family-package' || order.kind === 'family-providers') {
        const familyText = await (order.kind === 'family-package'
          ? family.renderPackage(order.request)
          : family.renderProviders(order.request))
        return familyText === null ? null : compressDocument(familyText)
      }
      const text = await renderText(db, legacy, order)
      return text === null ? null : compressDocument(text)
    },
  }
}

function renderText(
  db: Db,
  legacy: LegacyRepository,
  order: Exclude<DocumentOrder, { kind: 'inline-root' | 'family-package' | 'family-providers' }>,
): Promise<string | null> {
  switch (order.kind) {
    case 'package':
      return renderPackageDocument(db, order.request)
    case 'root':
      return renderRootDocument(db, order.request)
    case 'keyed':
      return renderKeyedDocument(db, order.request)
    case 'legacy-root':
      return legacy.renderRoot(order.request)
    case 'legacy-list':
      return legacy.findList(order.request)
    case 'legacy-file':
      return legacy.findFile(order.request)
    case 'legacy-lazy':
      return legacy.renderFile(order.request)
  }
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
}

/**
 * A renderer that gives large documents to a thread, started with the first of them. If the thread dies or fails, the document is rendered
 * inline, so that an answer never depends on it.
 */
export class ThreadedRenderer implements DocumentRenderer {
  readonly #db: Db
  readonly #log: Logger
  readonly #inline: DocumentRenderer
  readonly #waiting = new Map<number, (document: RenderResult['document']) => void>()
  #thread: Worker | null = null
  #next = 0

  constructor(db: Db, log: Logger) {
    this.#db = db
    this.#log = log
    this.#inline = createInlineRenderer(db)
  }

  async render(order: DocumentOrder): Promise<CodedDocument | null> {
    if (order.kind === 'package' || order.kind === 'keyed') {
      if ((await countVersions(this.#db, order.request.package.id)) <= INLINE_VERSIONS) {
        return this.#inline.render(order)
      }
    }
    if (order.kind === 'family-package' && (await this.#isSmall(order.request))) {
      return this.#inline.render(order)
    }
    const document = await this.#order(order)
    return document === undefined ? this.#inline.render(order) : document
  }

  /** Texts of a checksum are known to the thread alone. */
  async #isSmall({ packages, hash }: FamilyPackageRequest): Promise<boolean> {
    let versions = 0
    for (const one of packages) {
      versions += await countVersions(this.#db, one.package.id)
    }
    return hash === null && versions <= INLINE_VERSIONS
  }

  /** Ends the thread; documents under way are rendered inline. */
  close(): void {
    this.#thread?.terminate()
    this.#giveUp(this.#thread)
  }

  #order(order: DocumentOrder): Promise<RenderResult['document']> {
    const thread = (this.#thread ??= this.#start())
    this.#next += 1
    const id = this.#next
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      thread.postMessage({ id, order } satisfies RenderOrder)
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
      resolve(undefined)
    }
    this.#waiting.clear()
  }
}
