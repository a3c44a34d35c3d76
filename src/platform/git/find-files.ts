import type { GitFoundFile, PathMatcher } from '../../core/kernel/ports.ts'
import { checkObjects, readObjects } from './cat-file.ts'
import type { GitRunner } from './git-runner.ts'
import { decodeUtf8 } from './ref-name.ts'

/*
 * Trees are read level by level: one process reads all directories of one depth that may hold a wanted file, each distinct one once, for a
 * portion of the commits. Consecutive commits share nearly all of their directories, so a thousand tags cost little more than one.
 */

const PORTION = 200
const TREE_MODE = '40000'
const SYMLINK_MODE = '120000'
const SUBMODULE_MODE = '160000'
const OBJECT_ID_BYTES = 20
/** Directories that are looked at for one commit. */
const MOST_DIRECTORIES = 20_000

interface TreeEntry {
  name: string
  mode: string
  objectId: string
}

interface Search {
  files: Omit<GitFoundFile, 'size'>[]
  directories: { path: string; objectId: string }[]
  looked: number
}

/** The wanted files of each commit; see `Git.findFiles`. */
export async function findFiles(
  runner: GitRunner,
  directory: string,
  input: { commits: readonly string[]; matcher: PathMatcher; limit: number },
): Promise<Map<string, GitFoundFile[] | null>> {
  const found = new Map<string, GitFoundFile[] | null>()
  for (let start = 0; start < input.commits.length; start += PORTION) {
    const commits = input.commits.slice(start, start + PORTION)
    const searches = await searchPortion(runner, directory, { ...input, commits })
    const sizes = await readSizes(runner, directory, searches)
    for (const [commit, search] of searches) {
      const files = search?.files.map((file) => ({ ...file, size: sizes.get(file.objectId) ?? 0 }))
      found.set(commit, files?.sort((left, right) => (left.path < right.path ? -1 : 1)) ?? null)
    }
  }
  return found
}

async function searchPortion(
  runner: GitRunner,
  directory: string,
  { commits, matcher, limit }: { commits: readonly string[]; matcher: PathMatcher; limit: number },
): Promise<Map<string, Search | null>> {
  const searches = new Map<string, Search | null>()
  const roots = readObjects(
    runner,
    directory,
    commits.map((commit) => `${commit}^{tree}`),
  )
  let index = 0
  for await (const { objectId } of roots) {
    searches.set(commits[index] ?? '', { files: [], directories: [{ path: '', objectId }], looked: 0 })
    index += 1
  }
  for (;;) {
    const wanted = new Set<string>()
    for (const search of searches.values()) for (const { objectId } of search?.directories ?? []) wanted.add(objectId)
    if (wanted.size === 0) return searches
    const trees = await readTrees(runner, directory, wanted)
    for (const [commit, search] of searches) {
      if (search !== null && !descend(search, trees, { matcher, limit })) searches.set(commit, null)
    }
  }
}

async function readTrees(runner: GitRunner, directory: string, ids: ReadonlySet<string>): Promise<Map<string, TreeEntry[]>> {
  const trees = new Map<string, TreeEntry[]>()
  for await (const { objectId, bytes } of readObjects(runner, directory, ids)) trees.set(objectId, parseTree(bytes))
  return trees
}

/** Goes one level down; false when there is more than may be found or looked at. */
function descend(
  search: Search,
  trees: ReadonlyMap<string, TreeEntry[]>,
  { matcher, limit }: { matcher: PathMatcher; limit: number },
): boolean {
  const { directories } = search
  search.directories = []
  search.looked += directories.length
  for (const { path: parent, objectId } of directories) {
    for (const entry of trees.get(objectId) ?? []) takeEntry(search, { ...entry, path: join(parent, entry.name) }, matcher)
  }
  return search.files.length <= limit && search.looked + search.directories.length <= MOST_DIRECTORIES
}

function join(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`
}

function takeEntry(search: Search, { mode, objectId, path }: TreeEntry & { path: string }, matcher: PathMatcher): void {
  if (mode === TREE_MODE) {
    if (matcher.mayContain(path)) search.directories.push({ path, objectId })
  } else if (mode !== SUBMODULE_MODE && matcher.matchesFile(path)) {
    search.files.push({ path, objectId, mode: mode === SYMLINK_MODE ? 'symlink' : 'file' })
  }
}

/** A tree object: mode, space, name, NUL and the bytes of the id. Names that are not UTF-8 are passed over. */
function parseTree(bytes: Uint8Array): TreeEntry[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: TreeEntry[] = []
  for (let offset = 0; offset < buffer.length;) {
    const space = buffer.indexOf(0x20, offset)
    const end = buffer.indexOf(0, space)
    if (space < 0 || end < 0) break
    const name = decodeUtf8(buffer.subarray(space + 1, end))
    const mode = buffer.toString('latin1', offset, space)
    const objectId = buffer.toString('hex', end + 1, end + 1 + OBJECT_ID_BYTES)
    if (name !== null) entries.push({ name, mode, objectId })
    offset = end + 1 + OBJECT_ID_BYTES
  }
  return entries
}

async function readSizes(
  runner: GitRunner,
  directory: string,
  searches: ReadonlyMap<string, Search | null>,
): Promise<Map<string, number>> {
  const ids = new Set<string>()
  for (const search of searches.values()) for (const { objectId } of search?.files ?? []) ids.add(objectId)
  const sizes = new Map<string, number>()
  if (ids.size === 0) return sizes
  for await (const object of checkObjects(runner, directory, ids)) if (object !== null) sizes.set(object.objectId, object.size)
  return sizes
}
