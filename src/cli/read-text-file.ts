import { createReadStream } from 'node:fs'
import { usageFailure } from './failure.ts'
import { toInert } from './inert.ts'
import type { Session } from './session.ts'

/** The text of a file, or with `-` of standard input. More than `limit` bytes, and what cannot be read, is wrong use. */
export async function readTextFile(session: Session, file: string, limit: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of file === '-' ? session.io.stdin : createReadStream(file)) {
      const bytes = Buffer.from(chunk as Uint8Array)
      size += bytes.length
      if (size > limit) {
        throw usageFailure(`${toInert(file)} has more than ${limit} bytes, which is too much for what it should be.`)
      }
      chunks.push(bytes)
    }
  } catch (error) {
    throw error instanceof Error && 'code' in error
      ? usageFailure(`The file ${toInert(file)} cannot be read (${String(error.code)}).`)
      : error
  }
  return Buffer.concat(chunks).toString('utf8')
}
