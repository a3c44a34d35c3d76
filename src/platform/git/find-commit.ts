import { existsSync } from 'node:fs'
import type { Instant } from '../../core/kernel/values.ts'
import { checkObjects } from './cat-file.ts'
import type { GitRunner } from './git-runner.ts'
import { readCommitDates } from './list-refs.ts'

const MOST_OUTPUT = 65_536

/**
 * The one commit whose id is or starts with the text; see `Git.findCommit`. Refs are not asked: a tag that is
 * named like an id changes nothing.
 */
export async function findCommit(
  runner: GitRunner,
  directory: string,
  text: string,
): Promise<{ commit: string; committedAt: Instant } | null> {
  const id = text.toLowerCase()
  // A mirror that was never fetched, or was lost with its disk, has no commits.
  if (!/^[0-9a-f]{7,40}$/.test(id) || !existsSync(directory)) return null
  const candidates = id.length === 40 ? [id] : await listObjects(runner, directory, id)
  const commits: string[] = []
  for await (const object of checkObjects(runner, directory, candidates))
    if (object?.type === 'commit') commits.push(object.objectId)
  const [commit] = commits
  if (commit === undefined || commits.length > 1) return null
  for await (const [found, dates] of readCommitDates(runner, directory, commits)) {
    if (found === commit) return { commit, committedAt: dates.committedAt }
  }
  return null
}

async function listObjects(runner: GitRunner, directory: string, prefix: string): Promise<string[]> {
  const { code, output } = await runner.run({ directory, arguments: ['rev-parse', `--disambiguate=${prefix}`] }, MOST_OUTPUT)
  if (code !== 0 || output === null) return []
  return output
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
}
