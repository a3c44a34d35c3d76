import type { CliIo, CliOutput } from './cli-io.ts'

const USUAL_COLUMNS = 80

/** An output that can be written to without care. */
export interface Output {
  write(text: string): void
  /** Resolves when a slow reader has taken what was written, so that long outputs do not gather in memory. */
  drained(): Promise<void>
  readonly isTTY: boolean
  readonly columns: number
}

/** The world of a command: what the process gave, made safe. */
export interface Terminal extends Omit<CliIo, 'stdout' | 'stderr' | 'onInterrupt'> {
  readonly stdout: Output
  readonly stderr: Output
  onInterrupt(listener: () => void): () => void
}

/** Wraps what the process gives. */
export function toTerminal(io: CliIo): Terminal {
  return {
    env: io.env,
    stdin: io.stdin,
    stdout: toOutput(io.stdout),
    stderr: toOutput(io.stderr),
    tryLockData: (directory) => io.tryLockData(directory),
    onInterrupt: (listener) => (io.onInterrupt === undefined ? listenToProcess(listener) : io.onInterrupt(listener)),
  }
}

/** A reader that has seen enough (`| head -1`) closes the pipe: nothing more is written, and what was begun is done. */
function toOutput(stream: CliOutput): Output {
  let isOpen = true
  let full: PromiseWithResolvers<void> | null = null
  const release = () => {
    full?.resolve()
    full = null
  }
  stream.on?.('drain', release)
  stream.on?.('error', () => {
    isOpen = false
    release()
  })
  return {
    write(text) {
      if (isOpen && stream.write(text) === false && stream.on !== undefined) {
        full ??= Promise.withResolvers()
      }
    },
    drained: () => full?.promise ?? Promise.resolve(),
    isTTY: stream.isTTY === true,
    get columns() {
      // A terminal that does not know its size says 0.
      return stream.columns || USUAL_COLUMNS
    },
  }
}

function listenToProcess(listener: () => void): () => void {
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return () => {
    process.off('SIGINT', listener)
    process.off('SIGTERM', listener)
  }
}
