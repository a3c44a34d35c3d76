import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError } from '../../core/kernel/errors.ts'
import type { FetchLimits } from '../../core/kernel/ports.ts'
import { describeGitErrors } from './git-failure.ts'
import type { GitRunner } from './git-runner.ts'
import { toSubject } from './list-revisions.ts'
import { directorySize, listPackFiles, removeLeftovers } from './mirror-store.ts'
import { packBytes } from './transfer-watch.ts'
import type { Upstream, UpstreamFile, UpstreamHead, UpstreamTree } from './upstream.ts'

/*
 * Writes states of another system into a mirror as commits without parents, all of them in one `git fast-import` process. A commit holds
 * nothing but its files, the date and the name of the state, so that importing it again, also into a new mirror, gives the same
 * id. No ref that anybody reads is touched: until the caller moves the refs the mirror is as before.
 */

/** What an import works on. `onCommit` hears the number of states that are written. */
export interface ImportInput {
  directory: string
  upstream: Upstream
  heads: readonly UpstreamHead[]
  limits: FetchLimits
  /** Throws when the whole fetch has taken too long. */
  requireTime: () => void
  onCommit: (done: number) => void
}

const SCRATCH_REF = 'refs/repertoire/import'
const MARKS_FILE = 'import-marks.new'
const ENCODER = new TextEncoder()
/** Paths that no checkout may hold; archives leave them out anyway. */
const FORBIDDEN_PART = /^(\.{0,2}|\.git)$/i

/** Imports the states and returns the commit of each by its revision. Throws `source_too_large`, `source_invalid` and what reading throws. */
export async function importCommits(runner: GitRunner, input: ImportInput): Promise<Map<string, string>> {
  const { directory } = input
  const known = await listPackFiles(directory)
  try {
    const commits = await runImport(runner, input)
    requireRoom(await directorySize(directory), input.limits)
    return commits
  } catch (error) {
    await removeLeftovers(directory, known)
    throw error
  } finally {
    await rm(join(directory, SCRATCH_REF), { force: true })
    await rm(join(directory, MARKS_FILE), { force: true })
  }
}

async function runImport(runner: GitRunner, input: ImportInput): Promise<Map<string, string>> {
  const { directory } = input
  const marks = join(directory, MARKS_FILE)
  const writer = new ImportWriter(input)
  let failure: { error: unknown } | null = null
  async function* stream(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* writer.write()
    } catch (error) {
      // Without its last word the program keeps nothing.
      failure = { error }
    }
  }
  const result = await runner.run({
    directory,
    arguments: ['-c', 'fastimport.unpackLimit=0', 'fast-import', '--quiet', '--done', `--export-marks=${marks}`],
    stream: stream(),
  })
  const failed = failure as { error: unknown } | null
  if (failed !== null) throw failed.error
  if (result.code !== 0) {
    runner.requireOpen()
    throw new DomainError('source_invalid', { problem: describeGitErrors(result.errors) })
  }
  return toCommits(await readFile(marks, 'latin1'), writer.commits)
}

function toCommits(text: string, wanted: ReadonlyMap<number, string>): Map<string, string> {
  const commits = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [mark = '', commit = ''] = line.split(' ')
    const revision = wanted.get(Number(mark.slice(1)))
    if (revision !== undefined) commits.set(revision, commit)
  }
  return commits
}

/** Writes the states one after the other; each distinct content once. */
class ImportWriter {
  /** The mark of each commit and the revision that it stands for. */
  readonly commits = new Map<number, string>()
  readonly #input: ImportInput
  readonly #blobs = new Map<string, number>()
  #lastMark = 0
  #files = 0

  constructor(input: ImportInput) {
    this.#input = input
  }

  async *write(): AsyncGenerator<Uint8Array, void, undefined> {
    const { upstream, heads, onCommit } = this.#input
    for (const head of heads) {
      this.#input.requireTime()
      const tree = await upstream.open(head)
      try {
        yield* this.#writeTree(head, tree)
      } finally {
        await tree.close()
      }
      requireRoom(await packBytes(this.#input.directory), this.#input.limits)
      onCommit(this.commits.size)
    }
    yield ENCODER.encode('done\n')
  }

  async *#writeTree(head: UpstreamHead, tree: UpstreamTree): AsyncGenerator<Uint8Array, void, undefined> {
    const files = tree.files.filter(({ path }) => !path.split('/').some((part) => FORBIDDEN_PART.test(part)))
    const missing = new Map<string, UpstreamFile>()
    for (const file of files) if (!this.#blobs.has(file.key)) missing.set(file.key, file)
    this.#files += missing.size
    if (this.#files > this.#input.limits.objects) {
      throw new DomainError('source_too_large', { limit: `${this.#input.limits.objects} objects` })
    }
    if (missing.size > 0) yield* this.#writeBlobs(tree, [...missing.values()])
    const lines = [this.#toCommit(head)]
    for (const { path, mode, key } of files) {
      const mark = this.#blobs.get(key)
      if (mark === undefined) throw new DomainError('source_invalid', { problem: 'a file of a revision cannot be read' })
      lines.push(`M ${mode} :${mark} ${quotePath(path)}\n`)
    }
    yield ENCODER.encode(`${lines.join('')}\n`)
  }

  async *#writeBlobs(tree: UpstreamTree, files: readonly UpstreamFile[]): AsyncGenerator<Uint8Array, void, undefined> {
    const { bytes } = this.#input.limits
    let total = 0
    for await (const { file, size, content } of tree.read(files)) {
      total += size
      if (total > bytes) throw new DomainError('source_too_large', { limit: `${bytes} bytes in one revision` })
      yield ENCODER.encode(`blob\nmark :${this.#takeMark()}\ndata ${size}\n`)
      this.#blobs.set(file.key, this.#lastMark)
      yield* content
      yield ENCODER.encode('\n')
    }
  }

  #toCommit({ revision, changedAt }: UpstreamHead): string {
    const message = toSubject(this.#input.upstream.system, revision)
    const mark = this.#takeMark()
    this.commits.set(mark, revision)
    // Git knows no time before 1970.
    const person = `upstream <> ${Math.max(0, changedAt)} +0000`
    return [
      `reset ${SCRATCH_REF}\n`,
      `commit ${SCRATCH_REF}\nmark :${mark}\nauthor ${person}\ncommitter ${person}\n`,
      `data ${Buffer.byteLength(message)}\n${message}\n`,
    ].join('')
  }

  #takeMark(): number {
    this.#lastMark += 1
    return this.#lastMark
  }
}

function requireRoom(bytes: number, limits: FetchLimits): void {
  if (bytes > limits.bytes) throw new DomainError('source_too_large', { limit: `${limits.bytes} bytes` })
}

/** A path as C text; every byte beyond printable ASCII is written in octal. */
function quotePath(path: string): string {
  const quoted = path.replaceAll(/[^ !#-[\]-~]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)
  return `"${quoted}"`
}
