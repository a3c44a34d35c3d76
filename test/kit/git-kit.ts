import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FetchLimits, Git, GitCredential, Logger } from '../../src/core/kernel/ports.ts'
import type { VcsSystem } from '../../src/core/kernel/source-url.ts'
import { createGit } from '../../src/platform/git/create-git.ts'
import { createEgress, type EgressPolicy } from '../../src/platform/http/egress.ts'

/** Limits that no test repository reaches. */
export const WIDE_LIMITS: FetchLimits = { bytes: 1_073_741_824, objects: 1_000_000, stall: 30_000, duration: 60_000 }

/** The real git port on temporary directories, with its log in memory. */
export interface GitKit {
  git: Git & { close(): Promise<void> }
  root: string
  temporary: string
  /** Every line that was logged, as JSON. */
  logged: string[]
  redacted: string[]
  fetch(
    url: string,
    change?: {
      mirror?: string
      vcs?: VcsSystem
      credential?: GitCredential | null
      limits?: Partial<FetchLimits>
      onPhase?: (phase: string) => void
    },
  ): Promise<void>
  /** Ends everything; throws when a private file is left. */
  dispose(): Promise<void>
}

/** Starts the port; loopback, files and plain http are open unless the policy says otherwise. `place` is for private files. */
export async function createGitKit(policy: EgressPolicy = { allow: ['127.0.0.1'] }, place?: string): Promise<GitKit> {
  const root = await mkdtemp(join(tmpdir(), 'repertoire-mirrors-'))
  const temporary = place ?? (await mkdtemp(join(tmpdir(), 'repertoire-private-')))
  const logged: string[] = []
  const redacted: string[] = []
  const secrets = {
    encrypt: (plain: string) => plain,
    decrypt: (sealed: string) => sealed,
    fingerprint: (secret: string) => secret,
    redact: (secret: string) => void redacted.push(secret),
  }
  const git = await createGit({
    root,
    temporary,
    policy: { allowFile: true, allowHttp: true },
    egress: createEgress(policy),
    secrets,
    log: memoryLogger(logged),
  })
  return {
    git,
    root,
    temporary,
    logged,
    redacted,
    fetch: (url, change = {}) =>
      git.fetch({
        mirror: change.mirror ?? 'one',
        vcs: change.vcs ?? 'git',
        url,
        credential: change.credential ?? null,
        limits: { ...WIDE_LIMITS, ...change.limits },
        onProgress: ({ phase }) => change.onPhase?.(phase),
      }),
    dispose: async () => {
      await git.close()
      const left = await readdir(temporary)
      await rm(root, { recursive: true, force: true })
      await rm(temporary, { recursive: true, force: true })
      if (left.length > 0) throw new Error(`private files were left: ${left.join(', ')}`)
    },
  }
}

function memoryLogger(lines: string[]): Logger {
  const write = (message: string, fields?: Record<string, unknown>): void => void lines.push(JSON.stringify({ message, fields }))
  const log: Logger = { debug: write, info: write, warn: write, error: write, with: () => log }
  return log
}
