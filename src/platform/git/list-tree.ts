import { DomainError } from '../../core/kernel/errors.ts'
import type { GitTreeEntry } from '../../core/kernel/ports.ts'
import { withProcess } from './cat-file.ts'
import type { GitRunner } from './git-runner.ts'
import { decodeUtf8 } from './ref-name.ts'

const MODES: Readonly<Record<string, GitTreeEntry['mode']>> = { '100755': 'executable', '120000': 'symlink' }

/** The files of a commit or of a directory of it; see `Git.listTree`. Reading stops at the limit, so that a tree of any size costs no more. */
export async function listTree(
  runner: GitRunner,
  directory: string,
  input: { commit: string; directory?: string; limit: number },
): Promise<GitTreeEntry[]> {
  if (!/^[0-9a-f]{40}$/.test(input.commit)) throw new Error('a full commit id is required')
  const tree = input.directory === undefined || input.directory === '' ? input.commit : `${input.commit}:${input.directory}`
  const command = { directory, arguments: ['ls-tree', '-r', '-l', '-z', '--full-tree', tree] }
  const entries: GitTreeEntry[] = []
  for await (const entry of withProcess(runner, command, async function* (reader) {
    for (let line = await reader.findUntil(0); line !== null; line = await reader.findUntil(0)) yield parseEntry(line)
  })) {
    if (entry === null) continue
    if (entries.length >= input.limit) throw new DomainError('archive_too_large', { limit: `${input.limit} files` })
    entries.push(entry)
  }
  return entries
}

/** `<mode> <type> <id> <size padded>\t<path>`; null for a submodule. */
function parseEntry(line: Buffer): GitTreeEntry | null {
  const tab = line.indexOf(9)
  const [mode, type, objectId, size] = line.toString('latin1', 0, tab).split(/ +/)
  if (mode === undefined || objectId === undefined || type !== 'blob') return null
  return { path: decodeUtf8(line.subarray(tab + 1)), mode: MODES[mode] ?? 'file', objectId, size: Number(size) }
}
