import type { Readable } from 'node:stream'

/** Where text goes: a terminal, a pipe or a file. `columns` is the width of a terminal. */
export interface CliOutput {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  on?(event: 'error' | 'drain', listener: () => void): unknown
}

/** Where answers and secrets come from. */
export type CliInput = Readable & { isTTY?: boolean; setRawMode?: (isRaw: boolean) => unknown }

/** What the process gives to the command line, so that tests can run commands in their own process. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: CliInput
  readonly stdout: CliOutput
  readonly stderr: CliOutput
  /** Takes the lock that a server holds on its data directory; null while another process has it. */
  tryLockData(directory: string): { release(): void } | null
  /** Calls back at Ctrl-C and SIGTERM until the returned function is called; the signals of the process if left out. */
  onInterrupt?(listener: () => void): () => void
}
