import { DomainError } from '../../core/kernel/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { describeGitErrors } from './git-failure.ts'
import type { GitCommand, GitRunner } from './git-runner.ts'

/** What kind of object a name leads to, and its size in bytes. */
export interface ObjectInfo {
  objectId: string
  type: 'commit' | 'tree' | 'blob' | 'tag'
  size: number
}

const LINE_FEED = 10

/**
 * Looks up names (`<id>`, `<id>^{}`, `<commit>:<path>` without line breaks) in one process, in the given order; null
 * for a name that leads to no object. The process ends when the consumer stops.
 */
export async function* checkObjects(
  runner: GitRunner,
  directory: string,
  names: Iterable<string>,
): AsyncGenerator<ObjectInfo | null, void, undefined> {
  const command = { directory, arguments: ['cat-file', '--batch-check', '--buffer'], input: names }
  yield* withProcess(runner, command, async function* (reader) {
    for (;;) {
      const line = await reader.findUntil(LINE_FEED)
      if (line === null) return
      yield parseInfo(line)
    }
  })
}

/** Reads whole objects by id in one process, in the given order, each completely into memory. Throws `source_invalid` when one is missing. */
export async function* readObjects(
  runner: GitRunner,
  directory: string,
  objectIds: Iterable<string>,
): AsyncGenerator<ObjectInfo & { bytes: Uint8Array }, void, undefined> {
  const command = { directory, arguments: ['cat-file', '--batch', '--buffer'], input: objectIds }
  yield* withProcess(runner, command, async function* (reader) {
    for (;;) {
      const line = await reader.findUntil(LINE_FEED)
      if (line === null) return
      const info = parseInfo(line)
      if (info === null) throw damaged(`the object ${line.toString('latin1').slice(0, 40)} is missing`)
      const bytes = await reader.findBytes(info.size)
      if (bytes === null || (await reader.findBytes(1)) === null) throw damaged(`the object ${info.objectId} is cut off`)
      yield { ...info, bytes }
    }
  })
}

/** Runs a process for as long as the consumer reads. Throws `source_invalid` when it fails. */
export async function* withProcess<Item>(
  runner: GitRunner,
  command: GitCommand,
  read: (reader: ByteReader) => AsyncGenerator<Item, void, undefined>,
): AsyncGenerator<Item, void, undefined> {
  const process = runner.start(command)
  let isComplete = false
  try {
    yield* read(new ByteReader(process.output))
    isComplete = true
  } finally {
    if (!isComplete) {
      process.kill()
      await process.ended
    }
  }
  const { code, errors } = await process.ended
  if (code !== 0) throw damaged(describeGitErrors(errors))
}

function damaged(problem: string): DomainError {
  return new DomainError('source_invalid', { problem })
}

/** `<id> <type> <size>`; any other line repeats the name that led nowhere. */
function parseInfo(line: Buffer): ObjectInfo | null {
  const parts = line.toString('latin1').split(' ')
  const [objectId, type, size] = parts
  if (parts.length !== 3 || objectId === undefined || type === undefined) return null
  if (!isObjectType(type) || !/^[0-9a-f]{40}$/.test(objectId)) return null
  return { objectId, type, size: Number(size) }
}

function isObjectType(text: string): text is ObjectInfo['type'] {
  return text === 'commit' || text === 'tree' || text === 'blob' || text === 'tag'
}
