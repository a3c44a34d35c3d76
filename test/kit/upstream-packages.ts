/** What an upstream has: packages that a test changes while the upstream runs, and their archives. */
import { createHash } from 'node:crypto'
import { tryNormalizeVersion } from '../../src/composer/index.ts'
import { archiveOf, largeZip, packageZip, type UpstreamArchive } from './upstream-archives.ts'

/** A version as a test gives it: its name, or more. */
export type UpstreamVersionSpec =
  | string
  | {
      version: string
      /** Further keys of the version object; they replace what is made up, `dist` and `source` too. */
      manifest?: Readonly<Record<string, unknown>>
      /** 40 hexadecimal digits; made of name and version unless given. */
      reference?: string
      /** Files of the archive beside composer.json. */
      files?: Readonly<Record<string, string>>
      /** Makes the archive about this large. */
      bytes?: number
    }

export interface StoredVersion {
  version: string
  manifest: Record<string, unknown>
  reference: string
}

export interface StoredPackage {
  name: string
  /** Unix seconds; moves with every change. */
  modified: number
  versions: StoredVersion[]
}

export interface UpstreamAction {
  type: 'update' | 'delete' | 'resync'
  package: string
  time: number
}

export interface UpstreamPackages {
  readonly all: Map<string, StoredPackage>
  /** By `name/reference`. */
  readonly archives: Map<string, UpstreamArchive>
  readonly actions: UpstreamAction[]
  /** The upstream's own time in Unix seconds: every change is later than all before. */
  now(): number
  tick(): number
  setVersions(name: string, versions: readonly UpstreamVersionSpec[]): void
  removePackage(name: string): void
  moveTag(name: string, version: string): string
  changeBytes(name: string, version: string, bytes?: Uint8Array): void
  referenceOf(name: string, version: string): string
}

const START = 1_760_000_000

export function createUpstreamPackages(): UpstreamPackages {
  const all = new Map<string, StoredPackage>()
  const archives = new Map<string, UpstreamArchive>()
  const actions: UpstreamAction[] = []
  let time = START

  function tick(): number {
    time += 1
    return time
  }

  function find(name: string, version: string): StoredVersion {
    const found = all.get(name)?.versions.find((stored) => stored.version === version)
    if (found === undefined) throw new Error(`The upstream has no ${name} ${version}.`)
    return found
  }

  /** One action per file, the latest only (contract composer.md §7.4). */
  function touch(name: string, type: 'update' | 'delete'): number {
    const at = tick()
    const files = [name, `${name}~dev`]
    actions.splice(0, actions.length, ...actions.filter((action) => !files.includes(action.package)))
    const changed = type === 'delete' ? [name] : files
    actions.push(...changed.map((file) => ({ type, package: file, time: at })))
    return at
  }

  function storeVersion(name: string, spec: UpstreamVersionSpec, salt = ''): StoredVersion {
    const { version, manifest = {}, files = {}, bytes, ...given } = typeof spec === 'string' ? { version: spec } : spec
    const reference = given.reference ?? sha1(`${name} ${version} ${salt}`)
    const key = `${name}/${reference}`
    if (!archives.has(key)) {
      const content = { 'composer.json': JSON.stringify({ name, ...manifest }), VERSION: `${version} ${salt}\n`, ...files }
      const directory = `${name.replace('/', '-')}-${reference.slice(0, 7)}`
      archives.set(key, bytes === undefined ? packageZip(directory, content) : largeZip(directory, content, bytes))
    }
    return { version, manifest: { ...manifest }, reference }
  }

  return {
    all,
    archives,
    actions,
    now: () => time,
    tick,
    setVersions(name, versions) {
      const stored = versions.map((spec) => storeVersion(name, spec))
      all.set(name, { name, modified: touch(name, 'update'), versions: stored })
    },
    removePackage(name) {
      all.delete(name)
      for (const key of [...archives.keys()]) {
        if (key.startsWith(`${name}/`)) archives.delete(key)
      }
      touch(name, 'delete')
    },
    moveTag(name, version) {
      const stored = find(name, version)
      const moved = storeVersion(name, { version, manifest: stored.manifest }, `moved at ${time}`)
      stored.reference = moved.reference
      all.set(name, { name, versions: all.get(name)?.versions ?? [], modified: touch(name, 'update') })
      return moved.reference
    },
    changeBytes(name, version, bytes) {
      const { reference, manifest } = find(name, version)
      const content = { 'composer.json': JSON.stringify({ name, ...manifest }), CHANGED: `at ${tick()}\n` }
      const archive = bytes === undefined ? packageZip('changed', content) : archiveOf(bytes)
      archives.set(`${name}/${reference}`, archive)
      all.set(name, { name, versions: all.get(name)?.versions ?? [], modified: touch(name, 'update') })
    },
    referenceOf: (name, version) => find(name, version).reference,
  }
}

/** Whether Composer takes the version for a development version. */
export function isDevelopment(version: string): boolean {
  return /^dev-|-dev$/i.test(tryNormalizeVersion(version) ?? version)
}

export function sha1(text: string | Uint8Array): string {
  return createHash('sha1').update(text).digest('hex')
}
