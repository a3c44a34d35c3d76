import { isExcluded, parseArchiveExclude, parseExportIgnore, rulesBelow, type ExclusionRule } from '../archive-exclude.ts'
import { comparePaths } from './compare-paths.ts'
import { createSymlinkTree, foldPath, LONGEST_SYMLINK, type SymlinkTree } from './safe-symlinks.ts'
import { takeFile, type TakenPaths } from './taken-paths.ts'

/** One file of a commit; `path` is null when it is not UTF-8. Submodules are not part of such lists. Sizes in bytes. */
export interface TreeFile {
  path: string | null
  mode: 'file' | 'executable' | 'symlink'
  objectId: string
  size: number
}

/** One file of the archive to be, with its path in it. */
export interface SelectedFile extends TreeFile {
  path: string
}

/** Why a file is not in the archive. */
export type LeftOutReason = 'not_utf8' | 'unsafe_path' | 'vcs_directory' | 'excluded' | 'unsafe_symlink' | 'case_collision'

/** A file that is not in the archive, by its path in the package. */
export interface LeftOutFile {
  path: string | null
  reason: LeftOutReason
}

/** What decides about the files of an archive, all of it read from the commit that the archive is of. */
export interface FileSelection {
  tree: readonly TreeFile[]
  /** Where the package lies in the repository, without slashes at the ends; empty for the top. */
  directory: string
  /** The text of `.gitattributes` in the package's directory, null when there is none (a symbolic link is none). */
  gitattributes: string | null
  /** `archive.exclude` of the package's composer.json as it stands there; what is not a list of texts is passed over. */
  archiveExclude: unknown
  /** What the top of the repository says about a package in one of its directories: `archiveExclude` is that of its composer.json. */
  outer?: { directory: string; gitattributes: string | null; archiveExclude: unknown } | null
  /** What the names of this package's archives begin with, see `toArchiveBase`. */
  archiveBase: string
  /** The contents of the blobs that `listSymlinkIds` names, by object id. */
  symlinkTargets: ReadonlyMap<string, Uint8Array>
}

/** The files of an archive in byte order of their paths, with the sum of their sizes, and the ones left out. */
export interface SelectedFiles {
  files: SelectedFile[]
  bytes: number
  leftOut: LeftOutFile[]
}

/** Directories of version control systems; what Composer leaves out of every archive. */
const VCS_DIRECTORIES: ReadonlySet<string> = new Set([
  '.git',
  '.hg',
  '.svn',
  '_svn',
  '.bzr',
  'CVS',
  '_darcs',
  '.arch-params',
  '.monotone',
])

const ARCHIVE_FORMATS = ['zip', 'tar', 'tar.gz', 'tar.bz2']

const MANIFEST = 'composer.json'

/** Paths beyond these bounds cannot be unpacked everywhere, and only hostile trees have them. */
const LONGEST_PATH = 1024
const DEEPEST_PATH = 128

/**
 * Selects the files of an archive as `composer archive` does (contract composer.md 3.6, CO-077), and leaves out what would
 * be dangerous or ambiguous to unpack (CO-078): see docs/decisions/0004-deterministic-archives.md. The package's own
 * composer.json always stays, because a flat archive without it may lose a directory level (CO-075).
 */
export function selectFiles(selection: FileSelection): SelectedFiles {
  const leftOut: LeftOutFile[] = []
  const inside = filesOfPackage(selection.tree, selection.directory, leftOut)
  const links = readSymlinks(inside, selection.symlinkTargets)
  const rules = [
    ...toOuterRules(selection.outer ?? null),
    ...parseExportIgnore(selection.gitattributes ?? ''),
    ...parseArchiveExclude(selection.archiveExclude),
    ...parseArchiveExclude(ARCHIVE_FORMATS.map((format) => `${selection.archiveBase}-*.${format}`)),
  ]
  const candidates: SelectedFile[] = []
  for (const file of inside) {
    const reason = findPathProblem(file) ?? findExclusion(file, rules) ?? findLinkProblem(file, links)
    if (reason === null) candidates.push(file)
    else leftOut.push({ path: file.path, reason })
  }
  const files = withoutCollisions(candidates, leftOut)
  return { files, bytes: files.reduce((sum, file) => sum + file.size, 0), leftOut }
}

/** Rules of the top go first, so that those of the package decide. */
function toOuterRules(outer: Exclude<FileSelection['outer'], undefined>): ExclusionRule[] {
  if (outer === null) return []
  const { directory, gitattributes, archiveExclude } = outer
  return rulesBelow([...parseExportIgnore(gitattributes ?? ''), ...parseArchiveExclude(archiveExclude)], directory)
}

/** The object ids of the symbolic links whose targets `selectFiles` needs, each once. */
export function listSymlinkIds(tree: readonly TreeFile[]): string[] {
  const links = tree.filter((file) => file.mode === 'symlink' && file.size <= LONGEST_SYMLINK)
  return [...new Set(links.map((file) => file.objectId))]
}

/** What Composer names the archives of a package after: `archive.name` of its composer.json, else its name. */
export function toArchiveBase(packageName: string, archiveName: string | null): string {
  return archiveName ?? packageName.replaceAll(/[^a-z0-9_-]/gi, '-')
}

function filesOfPackage(tree: readonly TreeFile[], directory: string, leftOut: LeftOutFile[]): SelectedFile[] {
  const prefix = directory === '' ? '' : `${directory}/`
  const files: SelectedFile[] = []
  for (const file of tree) {
    if (file.path === null) leftOut.push({ path: null, reason: 'not_utf8' })
    else if (file.path.startsWith(prefix)) files.push({ ...file, path: file.path.slice(prefix.length) })
  }
  return files.sort((left, right) => comparePaths(left.path, right.path))
}

function readSymlinks(files: readonly SelectedFile[], targets: ReadonlyMap<string, Uint8Array>): SymlinkTree {
  const links = new Map<string, string | null>()
  for (const file of files) {
    if (file.mode === 'symlink') links.set(file.path, decodeTarget(targets.get(file.objectId)))
  }
  return createSymlinkTree(links)
}

function decodeTarget(bytes: Uint8Array | undefined): string | null {
  if (bytes === undefined) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return null
  }
}

function findPathProblem({ path }: SelectedFile): LeftOutReason | null {
  if (/^[A-Za-z]:|[\\\0]/.test(path)) return 'unsafe_path'
  if (path.length > LONGEST_PATH) return 'unsafe_path'
  const parts = path.split('/')
  if (parts.length > DEEPEST_PATH || parts.some((part) => part === '' || part === '.' || part === '..')) return 'unsafe_path'
  // Whoever unpacks `.GIT/hooks` on a file system that ignores case would get a repository with hooks.
  if (parts.some((part) => part.toLowerCase() === '.git')) return 'vcs_directory'
  return parts.slice(0, -1).some((part) => VCS_DIRECTORIES.has(part)) ? 'vcs_directory' : null
}

function findExclusion({ path }: SelectedFile, rules: Parameters<typeof isExcluded>[0]): LeftOutReason | null {
  return path !== MANIFEST && isExcluded(rules, path) ? 'excluded' : null
}

function findLinkProblem(file: SelectedFile, links: SymlinkTree): LeftOutReason | null {
  return file.mode === 'symlink' && !links.staysInside(file.path) ? 'unsafe_symlink' : null
}

/**
 * Of files that a file system may take for one, the first in byte order stays (but composer.json before all). A file also
 * collides with a directory of its name: the later of the two would be written through or over the earlier.
 */
function withoutCollisions(candidates: readonly SelectedFile[], leftOut: LeftOutFile[]): SelectedFile[] {
  const manifest = candidates.filter((file) => file.path === MANIFEST)
  const others = candidates.filter((file) => file.path !== MANIFEST)
  const taken: TakenPaths = { files: new Set(), directories: new Set() }
  const kept: SelectedFile[] = []
  for (const file of [...manifest, ...others]) {
    if (takeFile(foldPath(file.path), taken)) kept.push(file)
    else leftOut.push({ path: file.path, reason: 'case_collision' })
  }
  return kept.sort((left, right) => comparePaths(left.path, right.path))
}
