/**
 * What an uploaded archive would unpack to, judged entry by entry without unpacking anything. A name that could leave the directory of the
 * package, on any operating system, refuses the whole archive: it is served byte for byte, so nothing can be left out of it as it
 * is when archives are built (select-files.ts).
 */
import { ArchiveRefused } from './archive-refusal.ts'
import { createSymlinkTree, foldPath, LONGEST_SYMLINK } from './safe-symlinks.ts'
import { takeDirectory, takeFile, type TakenPaths } from './taken-paths.ts'

/** Bounds on what is read of an archive. Sizes in bytes. */
export interface ArchiveLimits {
  /** Entries of any kind, headers that only describe others included. */
  entries: number
  /** All files together, unpacked. */
  bytes: number
  /** The composer.json. */
  manifestBytes: number
  /** Whether composer.json must be where the package begins; required unless it says otherwise. */
  manifest?: 'required' | 'optional'
  /**
   * `upload`, unless it says otherwise: everything that could mean different things to different programs is refused. `integrity`: only what is
   * damaged, over a limit, or would leave its directory; the manifest is not looked for. `names`: the same for bytes that were compared with a
   * checksum, so that the content of a zip is not unpacked.
   */
  rules?: 'upload' | 'integrity' | 'names'
}

/** An entry by its name as written. `target` belongs to links. */
export interface ArchiveEntry {
  name: string
  kind: 'file' | 'directory' | 'symlink' | 'hardlink'
  target: string | null
}

/** The entries so far. Every method throws `ArchiveRefused` for what is not acceptable. */
export interface ArchiveTree {
  /** Counts one more entry or header. */
  count(): void
  /** Takes an entry; returns its path without `./` in front and `/` at the end. */
  add(entry: ArchiveEntry): string
  /** Counts unpacked bytes of an entry. */
  grow(bytes: number, entry: string): void
  /** Whether the content of the file at this path may be the package's composer.json and is to be kept. */
  isManifest(path: string): boolean
  /** Keeps the content of a file for which `isManifest` is true. */
  keepManifest(path: string, bytes: Uint8Array): void
  /** Judges the whole. `root` is empty or the only top directory with a slash; `manifest` is empty when it is optional and absent. */
  finish(): { root: string; manifest: Uint8Array; files: number; bytes: number }
}

/** What the readers of one archive share. */
export interface ReadParts {
  tree: ArchiveTree
  limits: ArchiveLimits
}

/** PHP's ZipArchive in clients refuses what grows to more than 100 times its size and over 50 MiB (contract composer.md §3.3). */
const MOST_GROWTH = 100
const GROWTH_FLOOR = 50 * 1024 * 1024

const MANIFEST = 'composer.json'
const LONGEST_PATH = 1024
const DEEPEST_PATH = 128
/** What Composer does not count when it looks for a single top directory. */
const IGNORED_AT_TOP = '.DS_Store'
const SHOWN_TOP_NAMES = 5

/** An empty tree of an archive that has `size` bytes itself. */
export function createArchiveTree(size: number, limits: ArchiveLimits): ArchiveTree {
  const taken: TakenPaths = { files: new Set(), directories: new Set() }
  const links = new Map<string, string>()
  const regular = new Set<string>()
  const top = new Map<string, 'file' | 'directory'>()
  const manifests = new Map<string, Uint8Array>()
  const total = { entries: 0, files: 0, bytes: 0 }

  function takePlace({ name, kind }: ArchiveEntry, path: string): void {
    const folded = foldPath(path)
    const isFree = kind === 'directory' ? takeDirectory(folded, taken) : takeFile(folded, taken)
    if (!isFree) {
      throw new ArchiveRefused('duplicate_name', 'another entry has this name, perhaps in other letter case', name)
    }
    const slash = path.indexOf('/')
    if (slash > 0 || kind === 'directory') top.set(slash > 0 ? path.slice(0, slash) : path, 'directory')
    else if (path !== IGNORED_AT_TOP) top.set(path, 'file')
  }

  return {
    count() {
      total.entries += 1
      if (total.entries > limits.entries) {
        throw new ArchiveRefused('too_many_entries', `the archive has more than ${limits.entries} entries`)
      }
    },
    add(entry) {
      const path = cleanPath(entry.name)
      takePlace(entry, path)
      if (entry.kind === 'symlink') links.set(path, requireTarget(entry))
      if (entry.kind === 'hardlink' && !regular.has(cleanPath(requireTarget(entry)))) {
        throw new ArchiveRefused('unsafe_link', 'this hard link does not lead to an earlier file of the archive', entry.name)
      }
      if (entry.kind === 'file') regular.add(path)
      total.files += entry.kind === 'directory' ? 0 : 1
      return path
    },
    grow(bytes, entry) {
      total.bytes += bytes
      if (total.bytes > limits.bytes) {
        throw new ArchiveRefused('too_large', `the archive unpacks to more than ${limits.bytes} bytes`, entry)
      }
      if (total.bytes > GROWTH_FLOOR && total.bytes > MOST_GROWTH * size) {
        throw new ArchiveRefused('ratio', `the archive unpacks to more than ${MOST_GROWTH} times its size`, entry)
      }
    },
    isManifest: (path) => path === MANIFEST || (/^[^/]+\/composer\.json$/.test(path) && !hasOtherThan(manifests, path)),
    keepManifest(path, bytes) {
      manifests.set(path, bytes)
    },
    finish() {
      requireSafeLinks(links)
      const isOptional = limits.manifest === 'optional'
      const root = isOptional ? findAnyRoot(total.files) : findRoot(top, regular)
      const manifest = manifests.get(`${root}${MANIFEST}`) ?? (isOptional ? new Uint8Array(0) : null)
      if (manifest === null) throw new ArchiveRefused('damaged', 'composer.json was not read')
      return { root, manifest, files: total.files, bytes: total.bytes }
    },
  }
}

/** The second of two top directories cannot be the package, so of wrapped manifests only the first is kept. */
function hasOtherThan(manifests: ReadonlyMap<string, Uint8Array>, path: string): boolean {
  for (const known of manifests.keys()) {
    if (known !== MANIFEST && known !== path) return true
  }
  return false
}

/** The path that an entry's name means. Throws for every name that could mean another place somewhere. */
export function cleanPath(name: string): string {
  const path = name.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '')
  if (path === '' || path === '.') {
    if (name === '' || name.startsWith('/')) throw new ArchiveRefused('unsafe_path', 'an entry has no name', name)
    const advice = 'pack the files by their names, not the directory "."'
    throw new ArchiveRefused('root_entry', `the archive has an entry for its own root, which PHP cannot unpack; ${advice}`, name)
  }
  const problem = findPathProblem(path)
  if (problem !== null) throw new ArchiveRefused('unsafe_path', problem, name)
  if (path.split('/').some((part) => part.toLowerCase() === '.git')) {
    throw new ArchiveRefused(
      'vcs_directory',
      'a package must not bring a git directory, whose hooks and settings could be run',
      name,
    )
  }
  return path
}

function findPathProblem(path: string): string | null {
  if (path.startsWith('/')) return 'the path is absolute'
  if (/^[A-Za-z]:/.test(path)) return 'the path names a drive'
  if (path.includes('\\')) return 'the path contains a backslash'
  if (/\p{Cc}/u.test(path)) return 'the name contains a control character'
  if (path.length > LONGEST_PATH) return `the path has more than ${LONGEST_PATH} characters`
  const parts = path.split('/')
  if (parts.length > DEEPEST_PATH) return `the path is deeper than ${DEEPEST_PATH} directories`
  if (parts.includes('..')) return 'the path contains ".."'
  return parts.includes('.') || parts.includes('') ? 'the path contains an empty part or "."' : null
}

function requireTarget({ name, target }: ArchiveEntry): string {
  if (target === null || target === '' || target.length > LONGEST_SYMLINK) {
    throw new ArchiveRefused('unsafe_link', 'the target of this link is missing or too long', name)
  }
  return target
}

/** Links are judged when all are known, because one may lead through another. */
function requireSafeLinks(links: ReadonlyMap<string, string>): void {
  const tree = createSymlinkTree(links)
  for (const path of links.keys()) {
    if (!tree.staysInside(path)) {
      throw new ArchiveRefused('unsafe_link', 'this symbolic link leads out of the archive or nowhere', path)
    }
  }
}

/** Without a manifest any layout will do, but there must be something. */
function findAnyRoot(files: number): string {
  if (files === 0) throw new ArchiveRefused('manifest_place', 'the archive is empty')
  return ''
}

/** The two layouts that Composer unpacks to the package itself (CO-075, contract composer.md §3.3). */
function findRoot(top: ReadonlyMap<string, 'file' | 'directory'>, regular: ReadonlySet<string>): string {
  if (regular.has(MANIFEST)) return ''
  const [only, ...others] = top
  const rule = 'composer.json must be a file at the top of the archive, or in its only top directory'
  if (only === undefined) throw new ArchiveRefused('manifest_place', `${rule}; the archive is empty`)
  if (others.length > 0 || only[1] === 'file') {
    const names = [...top.keys()].sort()
    const shown = names.slice(0, SHOWN_TOP_NAMES).map((name) => JSON.stringify(name.slice(0, 80)))
    const rest = names.length > SHOWN_TOP_NAMES ? ` and ${names.length - SHOWN_TOP_NAMES} more` : ''
    throw new ArchiveRefused('manifest_place', `${rule}; at the top are ${shown.join(', ')}${rest}`)
  }
  if (!regular.has(`${only[0]}/${MANIFEST}`)) throw new ArchiveRefused('manifest_place', rule, `${only[0]}/${MANIFEST}`)
  return `${only[0]}/`
}
