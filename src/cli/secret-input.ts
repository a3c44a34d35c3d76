import { readFileSync } from 'node:fs'
import { usageFailure } from './failure.ts'
import type { Session } from './session.ts'

/** More than any key or password needs; a wrong file is noticed before it fills the memory. */
const MAX_SECRET_BYTES = 100_000

/** Where a secret comes from. The list of arguments is public on a machine, so a secret itself is never one of them. */
export type SecretOrigin =
  | { kind: 'file'; path: string }
  | { kind: 'environment'; name: string }
  | { kind: 'stdin' }
  | { kind: 'prompt'; question: string }

/** Reads a secret. The line break that files and pipes end with does not belong to it. Throws a usage failure. */
export async function readSecret(session: Session, origin: SecretOrigin): Promise<string> {
  const secret = await readOrigin(session, origin)
  if (secret === '') {
    throw usageFailure('The secret is empty.')
  }
  return secret
}

function readOrigin(session: Session, origin: SecretOrigin): string | Promise<string> {
  switch (origin.kind) {
    case 'file':
      return readSecretFile(origin.path)
    case 'environment':
      return readVariable(session, origin.name)
    case 'stdin':
      return readInput(session)
    case 'prompt':
      return session.prompter.askHidden(origin.question)
  }
}

function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, '')
}

function readSecretFile(path: string): string {
  try {
    return withoutLineBreak(requireSize(readFileSync(path)))
  } catch (error) {
    throw error instanceof Error && 'code' in error
      ? usageFailure(`The file ${path} cannot be read (${String(error.code)}).`)
      : error
  }
}

function readVariable(session: Session, name: string): string {
  const value = session.io.env[name]
  if (value === undefined) {
    throw usageFailure(`The environment variable ${name} is not set.`)
  }
  return value
}

async function readInput(session: Session): Promise<string> {
  if (session.io.stdin.isTTY === true) {
    return session.prompter.askHidden('Secret')
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of session.io.stdin) {
    const bytes = Buffer.from(chunk)
    size += bytes.length
    if (size > MAX_SECRET_BYTES) {
      break
    }
    chunks.push(bytes)
  }
  return withoutLineBreak(requireSize(Buffer.concat(chunks), size))
}

function requireSize(bytes: Buffer, size = bytes.length): string {
  if (size > MAX_SECRET_BYTES) {
    throw usageFailure(`A secret has at most ${MAX_SECRET_BYTES} bytes; this has more.`)
  }
  return bytes.toString('utf8')
}
