import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError } from '../../core/kernel/errors.ts'
import { readLines } from './byte-reader.ts'
import { checkObjects } from './cat-file.ts'
import { describeGitErrors } from './git-failure.ts'
import type { GitRunner } from './git-runner.ts'
import { KEEP_PREFIX, type Refs, writePackedRefs } from './packed-refs.ts'
import type { RemoteRefs, UnusableRef } from './remote-refs.ts'

const UNUSABLE_FILE = 'repertoire-unusable.json'

/** The refs that the last fetch could not mirror. */
export async function readUnusableRefs(directory: string): Promise<UnusableRef[]> {
  const text = await readFile(join(directory, UNUSABLE_FILE), 'utf8').catch(() => '[]')
  return JSON.parse(text) as UnusableRef[]
}

/**
 * Replaces all refs of a mirror in one step by those of the remote, whose objects are there already. What a ref pointed to before stays
 * reachable. Nothing changed is the common case and writes nothing.
 */
export async function replaceRefs(
  ports: { runner: GitRunner },
  directory: string,
  { before, remote }: { before: Refs; remote: RemoteRefs },
): Promise<void> {
  const after: Refs = new Map(remote.refs)
  for (const [name, objectId] of before) if (name.startsWith(KEEP_PREFIX)) after.set(name, objectId)
  for (const objectId of await listAbandoned(ports.runner, directory, { before, after }))
    after.set(`${KEEP_PREFIX}${objectId}`, objectId)
  await writeUnusableRefs(directory, remote.unusable)
  if (!isEqual(before, after)) await writePackedRefs(directory, after)
}

async function writeUnusableRefs(directory: string, unusable: readonly UnusableRef[]): Promise<void> {
  const path = join(directory, UNUSABLE_FILE)
  await writeFile(`${path}.new`, JSON.stringify(unusable))
  await rename(`${path}.new`, path)
}

/** What refs pointed to and no ref of the new state reaches; trees and blobs always count. */
async function listAbandoned(
  runner: GitRunner,
  directory: string,
  { before, after }: { before: Refs; after: Refs },
): Promise<string[]> {
  const present = new Set(after.values())
  const left = [...new Set(before.values())].filter((objectId) => !present.has(objectId))
  if (left.length === 0) return []
  const unreached = new Set<string>()
  const lines = [...left, ...[...present].map((objectId) => `^${objectId}`)]
  const running = runner.start({ directory, arguments: ['rev-list', '--stdin'], input: lines })
  const wanted = new Set(left)
  for await (const line of readLines(running.output)) if (wanted.has(line)) unreached.add(line)
  const { code, errors } = await running.ended
  if (code !== 0) throw new DomainError('source_invalid', { problem: describeGitErrors(errors) })
  const abandoned: string[] = []
  for await (const object of checkObjects(runner, directory, left)) {
    if (object !== null && (object.type !== 'commit' || unreached.has(object.objectId))) abandoned.push(object.objectId)
  }
  return abandoned
}

function isEqual(left: Refs, right: Refs): boolean {
  if (left.size !== right.size) return false
  for (const [name, objectId] of left) if (right.get(name) !== objectId) return false
  return true
}
