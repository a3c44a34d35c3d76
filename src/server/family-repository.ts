/**
 * The documents of an organization with its suborganizations, which older clients ask for by their SHA-256 (contract gitlab.md §2.6): to list
 * them, every package has to be rendered. What was rendered for a state of a package is remembered by its checksum, so that the list
 * after a change costs one package and not all of them. Texts that were listed are kept, compressed and bounded, so that a client that began
 * before a change can go on with what it was promised.
 */
import { createHash } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { listFamilyPackages, renderFamilyPackage, renderProviders, type FamilyPackage } from '../core/catalog/index.ts'
import type { Db } from '../core/kernel/schema.ts'
import { TwoGenerations } from '../surfaces/http/two-generations.ts'
import type { FamilyPackageRequest, ProvidersRequest } from '../surfaces/repository/document-store.ts'

/** The checksum of a package in a state; null when it has no versions. */
interface KnownHash {
  state: string
  hash: string | null
}

const MAX_KNOWN = 200_000
const TEXT_BYTES = 64 * 1024 * 1024
/** Between so many packages other work of the thread gets its turn. */
const TURN = 10

/** Renders families over one database. One per thread that renders. */
export class FamilyRepository {
  readonly #db: Db
  readonly #hashes = new TwoGenerations<KnownHash>({ count: MAX_KNOWN, bytes: MAX_KNOWN * 500 }, () => 200)
  readonly #texts = new TwoGenerations<Uint8Array>({ count: MAX_KNOWN, bytes: TEXT_BYTES / 2 }, (text) => text.byteLength)

  constructor(db: Db) {
    this.#db = db
  }

  /** A package as JSON text; null without versions, or when no text with the checksum that is asked for was listed lately. */
  async renderPackage(request: FamilyPackageRequest): Promise<string | null> {
    return request.hash === null ? renderFamilyPackage(this.#db, request) : this.#find(packageKey(request), request.hash)
  }

  /** The list of the packages as JSON text; null when no text with the checksum that is asked for was current lately. */
  async renderProviders(request: ProvidersRequest): Promise<string | null> {
    const { audience, archives } = request
    const key = `${audience.organization.id} ${audience.view} ${archives}`
    if (request.hash !== null) {
      return this.#find(key, request.hash)
    }
    const hashes = new Map<string, string>()
    let done = 0
    for (const [name, packages] of await listFamilyPackages(this.#db, audience)) {
      const hash = await this.#know(name, packages, archives)
      if (hash !== null) {
        hashes.set(name, hash)
      }
      done += 1
      if (done % TURN === 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const text = renderProviders(hashes)
    this.#keep(key, hashOf(text), text)
    return text
  }

  async #know(name: string, packages: readonly FamilyPackage[], archives: string): Promise<string | null> {
    const request = { name, packages, kind: 'all', archives } as const
    const key = packageKey(request)
    const state = packages.map((one) => `${one.package.revision}:${one.repository}`).join()
    const known = this.#hashes.find(key)
    if (known?.state === state) {
      return known.hash
    }
    const text = await renderFamilyPackage(this.#db, request)
    const hash = text === null ? null : hashOf(text)
    if (text !== null && hash !== null) {
      this.#keep(key, hash, text)
    }
    this.#hashes.put(key, { state, hash })
    return hash
  }

  #keep(key: string, hash: string, text: string): void {
    this.#texts.put(`${key} ${hash}`, zstdCompressSync(text))
  }

  #find(key: string, hash: string): string | null {
    const kept = this.#texts.find(`${key} ${hash}`)
    return kept === undefined ? null : zstdDecompressSync(kept).toString()
  }
}

/** Whoever is told of repositories gets other texts than who is not. */
function packageKey({ name, packages, archives }: Omit<FamilyPackageRequest, 'hash' | 'kind'>): string {
  return `${name} ${packages.map((one) => `${one.package.id}${one.repository === null ? '-' : '+'}`).join()} ${archives}`
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
