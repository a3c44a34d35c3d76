import { DomainError } from '../../core/kernel/errors.ts'
import { toHarmlessLine } from './git-failure.ts'
import type { GitCommand } from './git-runner.ts'
import type { ImportPorts, UpstreamInput } from './import-mirror.ts'
import { MOST_LISTED_BYTES } from './transfer-watch.ts'

const REFUSED =
  /authori[sz]ation (failed|required)|authentication|forbidden|E170001|E215004|HTTP Error 40[137]|permission denied|access denied/i
const UNREACHABLE =
  /E1700(00|13)|E230001|E731|E670|E120|E175|unable to connect|connection|timed out|no suitable response|HTTP Error|not found|doesn't exist|certificate|ssl|proxy|could not resolve|host key/i
const STORAGE = /no space left|quota exceeded|read-only file system/i
const LINES = 2

/**
 * Runs one svn or hg process that may talk to the remote, within the limits of the fetch, and returns what it printed. `size` tells what
 * the process has written to disk, if it writes. Throws the limit that was broken, what the guard refused, or what the program complained of.
 */
export async function runWatched(
  ports: ImportPorts,
  { passage, watch }: Pick<UpstreamInput, 'passage' | 'watch'>,
  { command, size }: { command: GitCommand; size: (() => Promise<number>) | null },
): Promise<Buffer> {
  const running = ports.runner.start(command)
  watch.hold(() => running.kill(), size)
  const { code, errors, output } = await ports.runner.collect(running, MOST_LISTED_BYTES).finally(() => watch.stop())
  await watch.requireUnbroken()
  if (output === null) throw new DomainError('source_too_large', { limit: `${MOST_LISTED_BYTES} bytes of branches and tags` })
  if (code === 0) return output
  ports.runner.requireOpen()
  const problem = passage.problem()
  if (problem !== null) throw problem
  throw toVcsFailure(errors)
}

/** What the error text of svn or hg (English) means: `source_refused`, `source_unreachable`, `storage_unavailable` or `source_invalid`. */
export function toVcsFailure(errors: string): DomainError {
  const lines = errors.split('\n').filter((line) => line !== '')
  const telling = lines.filter((line) => /^(svn: E|abort:|remote: )/.test(line))
  const chosen = (telling.length > 0 ? telling : lines).slice(0, LINES).join('; ')
  const problem = toHarmlessLine(chosen.replaceAll(/\b(svn|abort): /g, '')) || 'the program failed without a message'
  if (STORAGE.test(errors)) return new DomainError('storage_unavailable', { problem })
  if (/host key verification/i.test(errors)) {
    return new DomainError('source_unreachable', { problem: 'the host key is not the one that was seen first' })
  }
  if (REFUSED.test(errors)) return new DomainError('source_refused', { problem })
  return new DomainError(UNREACHABLE.test(errors) ? 'source_unreachable' : 'source_invalid', { problem })
}
