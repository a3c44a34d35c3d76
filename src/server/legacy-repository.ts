/**
 * The files of Composer 1, which names them by their SHA-256: to list one name, its file has to be rendered. So lists are made when a client
 * of version 1 asks for a root file, and never otherwise. What was rendered for a revision of a package is remembered by its checksum, so that the
 * lists after a change cost one file and not all of them.
 *
 * A client takes minutes from the root file to the last file that it lists, and it refuses other bytes than those it was promised. Texts that
 * were listed are therefore kept, compressed and bounded, also after they were replaced (CO-092). They are found by organization, view and
 * name as well as by checksum, so that knowing a checksum opens nothing.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import {
  hashLegacyFile,
  joinLegacyParts,
  loadLegacyPart,
  readCatalogStamp,
  renderLegacyLists,
  renderRootDocument,
  sees,
  type LegacyPart,
  type RootRequest,
} from '../core/catalog/index.ts'
import type { Db } from '../core/kernel/schema.ts'
import { findPackage, selectAllPackages, type Package } from '../core/packages/index.ts'
import type { LazyRequest, LegacyFileRequest } from '../surfaces/repository/document-store.ts'
import { TwoGenerations } from '../surfaces/http/two-generations.ts'

/** What is remembered of a rendered package, by package and address. */
interface KnownPart {
  revision: number
  hash: string
  offered: readonly string[]
}

/** Everything that one view is told at one stamp of the catalog. */
interface Listing {
  /** Texts and checksums of the lists, by their name. */
  lists: ReadonlyMap<string, { text: string; hash: string }>
  /** The packages in the file of a name, that of the name first. */
  files: ReadonlyMap<string, readonly Package[]>
}

const MAX_KNOWN = 200_000
/** Per generation; one has an entry for each name of its view. */
const MAX_LISTINGS = 4
/** Texts of files that were listed, compressed. */
const TEXT_BYTES = 64 * 1024 * 1024
/** Between so many packages other work of the thread gets its turn. */
const TURN = 10

/** Renders for Composer 1, over one database. One per thread that renders. */
export class LegacyRepository {
  readonly #db: Db
  readonly #parts = new TwoGenerations<KnownPart>({ count: MAX_KNOWN, bytes: MAX_KNOWN * 500 }, () => 200)
  readonly #joint = new TwoGenerations<string>({ count: MAX_KNOWN, bytes: MAX_KNOWN * 500 }, () => 64)
  readonly #texts = new TwoGenerations<Uint8Array>({ count: MAX_KNOWN, bytes: TEXT_BYTES / 2 }, (text) => text.byteLength)
  readonly #listings = new TwoGenerations<Listing>({ count: MAX_LISTINGS, bytes: Number.MAX_SAFE_INTEGER }, () => 0)
  readonly #making = new Map<string, Promise<Listing>>()

  constructor(db: Db) {
    this.#db = db
  }

  /** The root file with the checksums of its lists. */
  async renderRoot(request: RootRequest): Promise<string> {
    const { lists } = await this.#list(request)
    return renderRootDocument(this.#db, request, new Map([...lists].map(([name, { hash }]) => [name, hash])))
  }

  /** The text of a list that has this checksum, or null when none has, or had lately. */
  async findList(request: LegacyFileRequest): Promise<string | null> {
    const kept = this.#texts.find(textKey(request, 'list', request))
    if (kept !== undefined) {
      return zstdDecompressSync(kept).toString()
    }
    const list = (await this.#list(request)).lists.get(request.name)
    return list?.hash === request.hash ? list.text : null
  }

  /** The text of a name's file that has this checksum, or null when none has, or had lately, or none of it may be seen. */
  async findFile(request: LegacyFileRequest): Promise<string | null> {
    const { audience, name, hash } = request
    const own = sees(audience, name) ? await findPackage(this.#db, audience.organization.id, name) : null
    const alone = own === null ? undefined : this.#texts.find(textKey(request, 'own', request))
    if (alone !== undefined) {
      return zstdDecompressSync(alone).toString()
    }
    const joint = this.#texts.find(textKey(request, 'joint', request))
    if (joint !== undefined && (own !== null || (await this.#list(request)).files.has(name))) {
      return zstdDecompressSync(joint).toString()
    }
    // Checksums are compared before anything is rendered, so that guessing them costs nothing.
    if (own !== null && (await this.#know(own, request)).hash === hash) {
      return (await this.#render([own], toAddress(request))).text
    }
    const packages = (await this.#list(request)).files.get(name) ?? []
    const isPresent = packages.length > 0 && (await this.#hash(name, packages, request)) === hash
    return isPresent ? (await this.#render(packages, toAddress(request))).text : null
  }

  /** The text of the file that these packages make together. */
  async renderFile({ packages, ...address }: LazyRequest): Promise<string> {
    return (await this.#render(packages, address)).text
  }

  async #list(request: RootRequest): Promise<Listing> {
    const { organization, view } = request.audience
    const { revision } = await readCatalogStamp(this.#db, organization)
    const key = `${organization.id} ${view} ${request.repositoryUrl} ${revision}`
    const known = this.#listings.find(key)
    if (known !== undefined) {
      return known
    }
    const making = this.#making.get(key) ?? this.#make(request).finally(() => this.#making.delete(key))
    this.#making.set(key, making)
    const listing = await making
    this.#listings.put(key, listing)
    return listing
  }

  async #make(request: RootRequest): Promise<Listing> {
    const all = await selectAllPackages(this.#db, request.audience.organization.id)
    const packages = all.filter(({ name }) => sees(request.audience, name))
    const files = new Map<string, Package[]>(packages.map((target) => [target.name, [target]]))
    for (const [index, target] of packages.entries()) {
      for (const name of (await this.#know(target, request)).offered) {
        const offering = files.get(name) ?? []
        files.set(name, offering)
        offering.push(target)
      }
      await this.#yield(index)
    }
    const hashes = new Map<string, string>()
    for (const [index, name] of [...files.keys()].toSorted().entries()) {
      hashes.set(name, await this.#hash(name, files.get(name) ?? [], request))
      await this.#yield(index)
    }
    const lists = new Map<string, { text: string; hash: string }>()
    for (const [name, text] of renderLegacyLists(hashes)) {
      const hash = hashLegacyFile(text)
      lists.set(name, { text, hash })
      this.#keep(textKey(request, 'list', { name, hash }), text)
    }
    return { lists, files }
  }

  /** The checksum of the file of a package alone, and what it offers; rendered unless known for this revision. */
  async #know(target: Package, request: RootRequest): Promise<KnownPart> {
    const key = `${target.id} ${request.audience.origins} ${request.repositoryUrl}`
    const known = this.#parts.find(key)
    if (known?.revision === target.revision) {
      return known
    }
    const { text, parts } = await this.#render([target], toAddress(request))
    const part = { revision: target.revision, hash: hashLegacyFile(text), offered: parts[0]?.offered ?? [] }
    this.#keep(textKey(request, 'own', { name: target.name, hash: part.hash }), text)
    this.#parts.put(key, part)
    return part
  }

  async #hash(name: string, packages: readonly Package[], request: RootRequest): Promise<string> {
    const [first] = packages
    if (first !== undefined && packages.length === 1 && first.name === name) {
      return (await this.#know(first, request)).hash
    }
    const { organization, view } = request.audience
    const state = packages.map(({ id, revision }) => `${id}:${revision}`).join()
    const key = `${organization.id} ${view} ${request.repositoryUrl} ${name} ${state}`
    const known = this.#joint.find(key)
    if (known !== undefined) {
      return known
    }
    const { text } = await this.#render(packages, toAddress(request))
    const hash = hashLegacyFile(text)
    this.#keep(textKey(request, 'joint', { name, hash }), text)
    this.#joint.put(key, hash)
    return hash
  }

  async #render(
    packages: readonly Package[],
    address: Omit<LazyRequest, 'packages'>,
  ): Promise<{ text: string; parts: LegacyPart[] }> {
    const parts: LegacyPart[] = []
    for (const target of packages) {
      parts.push(await loadLegacyPart(this.#db, target, address))
    }
    return { text: joinLegacyParts(parts), parts }
  }

  #keep(key: string, text: string): void {
    this.#texts.put(key, zstdCompressSync(text))
  }

  async #yield(index: number): Promise<void> {
    if (index % TURN === TURN - 1) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

function toAddress({ audience, repositoryUrl }: RootRequest): Omit<LazyRequest, 'packages'> {
  return { repositoryUrl, origins: audience.origins }
}

/** A file of one package alone is the same for everybody who is told as much of repositories; what is made of several depends on the view. */
function textKey(
  { audience, repositoryUrl }: RootRequest,
  kind: 'list' | 'own' | 'joint',
  { name, hash }: { name: string; hash: string },
): string {
  const view = kind === 'own' ? audience.origins : audience.view
  return `${kind} ${audience.organization.id} ${view} ${repositoryUrl} ${name} ${hash}`
}
