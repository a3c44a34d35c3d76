import type { Git, GitManifest } from '../../core/kernel/ports.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { checkObjects, type ObjectInfo, readObjects } from './cat-file.ts'
import type { GitRunner } from './git-runner.ts'

/*
 * Two passes over portions of the commits: one process tells what lies at the path of each commit and how large it is,
 * a second one reads the contents. Most commits share their manifest with others, so contents are kept up to a
 * budget and read once; both passes decide by the same rule what is kept, so that no question waits for an answer.
 */

type Input = Parameters<Git['readManifests']>[0]

const PORTION = 5000
const KEPT_BYTES = 32 * 1_048_576
const LARGEST_TREE = 4 * 1_048_576
const SUBMODULE_MODE = '160000'

/** The manifest of each commit in the given order; see `Git.readManifests`. A commit that the mirror lacks has none. */
export async function* readManifests(
  runner: GitRunner,
  directory: string,
  input: Omit<Input, 'mirror'>,
): AsyncGenerator<{ commit: string; manifest: GitManifest }, void, undefined> {
  const parts = input.path.split('/')
  if (/[\0\r\n]/.test(input.path) || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw invalidInput('path', 'it must be a path below the root, without line breaks and "." or ".." parts')
  }
  for (let start = 0; start < input.commits.length; start += PORTION) {
    yield* readPortion(runner, directory, { ...input, commits: input.commits.slice(start, start + PORTION) })
  }
}

async function* readPortion(
  runner: GitRunner,
  directory: string,
  input: Omit<Input, 'mirror'>,
): AsyncGenerator<{ commit: string; manifest: GitManifest }, void, undefined> {
  const found: (ObjectInfo | null)[] = []
  for await (const object of checkObjects(runner, directory, namesAt(input.commits, input.path))) found.push(object)
  const submodules = await findSubmodules(runner, directory, {
    path: input.path,
    commits: input.commits.filter((_, index) => found[index] === null),
  })
  const contents = new Contents(readObjects(runner, directory, planReads(found, input.limit)))
  try {
    for (const [index, commit] of input.commits.entries()) {
      const object = found[index] ?? null
      if (object === null) yield { commit, manifest: { kind: submodules.has(commit) ? 'submodule' : 'absent' } }
      else if (object.type !== 'blob') yield { commit, manifest: { kind: 'not_a_file', objectId: object.objectId } }
      else if (object.size > input.limit)
        yield { commit, manifest: { kind: 'too_large', objectId: object.objectId, size: object.size } }
      else yield { commit, manifest: { kind: 'read', objectId: object.objectId, bytes: await contents.get(object) } }
    }
  } finally {
    await contents.close()
  }
}

function* namesAt(commits: readonly string[], path: string): Generator<string, void, undefined> {
  for (const commit of commits) yield `${commit}:${path}`
}

/** Which contents are kept: the first ones that fit into the budget. */
class KeptContents {
  readonly #ids = new Set<string>()
  #bytes = 0

  has(objectId: string): boolean {
    return this.#ids.has(objectId)
  }

  /** Whether these are kept from now on. */
  add(object: ObjectInfo): boolean {
    if (this.#bytes + object.size > KEPT_BYTES) return false
    this.#ids.add(object.objectId)
    this.#bytes += object.size
    return true
  }
}

function planReads(found: readonly (ObjectInfo | null)[], limit: number): string[] {
  const kept = new KeptContents()
  const plan: string[] = []
  for (const object of found) {
    if (object?.type !== 'blob' || object.size > limit || kept.has(object.objectId)) continue
    plan.push(object.objectId)
    kept.add(object)
  }
  return plan
}

/** Hands out the contents that `planReads` asked for, in its order. */
class Contents {
  readonly #objects: AsyncGenerator<ObjectInfo & { bytes: Uint8Array }, void, undefined>
  readonly #kept = new KeptContents()
  readonly #bytes = new Map<string, Uint8Array>()

  constructor(objects: AsyncGenerator<ObjectInfo & { bytes: Uint8Array }, void, undefined>) {
    this.#objects = objects
  }

  async get(object: ObjectInfo): Promise<Uint8Array> {
    const known = this.#bytes.get(object.objectId)
    if (known !== undefined) return known
    const next = await this.#objects.next()
    if (next.done === true || next.value.objectId !== object.objectId) throw new Error('git answered out of order')
    if (this.#kept.add(object)) this.#bytes.set(object.objectId, next.value.bytes)
    return next.value.bytes
  }

  async close(): Promise<void> {
    await this.#objects.return()
  }
}

/** Git cannot tell a submodule from an absent path by name; the entry in the directory that would hold it can. */
async function findSubmodules(
  runner: GitRunner,
  directory: string,
  input: { path: string; commits: readonly string[] },
): Promise<ReadonlySet<string>> {
  if (input.commits.length === 0) return new Set()
  const slash = input.path.lastIndexOf('/')
  const parents = new Map<string, string[]>()
  let index = 0
  for await (const tree of checkObjects(runner, directory, namesAt(input.commits, input.path.slice(0, Math.max(slash, 0))))) {
    const commit = input.commits[index]
    index += 1
    if (tree?.type !== 'tree' || tree.size > LARGEST_TREE || commit === undefined) continue
    const sharing = parents.get(tree.objectId)
    if (sharing === undefined) parents.set(tree.objectId, [commit])
    else sharing.push(commit)
  }
  const submodules = new Set<string>()
  for await (const tree of readObjects(runner, directory, parents.keys())) {
    if (!hasSubmodule(tree.bytes, input.path.slice(slash + 1))) continue
    for (const commit of parents.get(tree.objectId) ?? []) submodules.add(commit)
  }
  return submodules
}

/** Whether a tree object has a submodule of that name: its entry is mode, space, name, NUL and 20 bytes. */
function hasSubmodule(tree: Uint8Array, name: string): boolean {
  const entry = Buffer.from(`${SUBMODULE_MODE} ${name}\0`)
  const bytes = Buffer.from(tree.buffer, tree.byteOffset, tree.byteLength)
  for (let offset = 0; offset < bytes.length;) {
    if (bytes.subarray(offset, offset + entry.length).equals(entry)) return true
    const end = bytes.indexOf(0, offset)
    if (end < 0) return false
    offset = end + 21
  }
  return false
}
