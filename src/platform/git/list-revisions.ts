import { withProcess } from './cat-file.ts'
import type { GitRunner } from './git-runner.ts'
import { readPackedRefs } from './packed-refs.ts'

/**
 * The first line of the message of each commit that a ref of the mirror leads to, also a ref of the past. In mirrors of other systems it
 * names the system and the revision; see `toSubject`.
 */
export async function listRevisions(runner: GitRunner, directory: string): Promise<Map<string, string>> {
  const commits = new Set((await readPackedRefs(directory)).values())
  const revisions = new Map<string, string>()
  if (commits.size === 0) return revisions
  const command = { directory, arguments: ['rev-list', '--no-walk=unsorted', '--format=%H %s', '--stdin'], input: commits }
  const lines = withProcess(runner, command, async function* (reader) {
    for (let line = await reader.findUntil(10); line !== null; line = await reader.findUntil(10)) yield line.toString('utf8')
  })
  for await (const line of lines) {
    const match = /^([0-9a-f]{40}) (?:svn|hg) (.+)$/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) revisions.set(match[1], match[2])
  }
  return revisions
}

/** The message of a commit that stands for a revision of another system. */
export function toSubject(system: 'svn' | 'hg', revision: string): string {
  return `${system} ${revision}`
}
