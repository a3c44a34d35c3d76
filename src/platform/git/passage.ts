import { DomainError } from '../../core/kernel/errors.ts'
import type { GitCredential } from '../../core/kernel/ports.ts'
import type { SourceUrl } from '../../core/kernel/source-url.ts'
import { type EgressTunnel, openEgressTunnel } from '../http/egress-tunnel.ts'
import { type ConnectionPorts, quoteForShell, registerSecret, requireFittingCredential, sshCommand } from './git-connection.ts'
import { createPrivateDirectory } from './private-directory.ts'

/*
 * How svn and hg reach their remote: like git through the guard and nothing else, with secrets only in files that this user alone can
 * read and that go away with the passage, or on standard input. A way that cannot be held to one destination is refused.
 */

/** A way to one remote; must be closed. */
export interface Passage {
  /** A directory for the program's configuration; only this user can read it. */
  readonly directory: string
  /** The HTTP proxy for https, or what stands in for an `svn://` host. */
  readonly tunnel: EgressTunnel | null
  /** For ssh: the program with its options, to be followed by `[user@]host` and the remote command. */
  readonly ssh: string | null
  /** User and password for the host. */
  readonly login: { username: string; password: string } | null
  received(): number
  /** What the guard refused or could not reach; explains the program's own, vaguer error. */
  problem(): DomainError | null
  close(): Promise<void>
}

/** Opens the way. Throws `egress_blocked`, `source_unreachable`, `credential_origin`, and `source_refused` for a credential that cannot be presented. */
export async function openPassage(
  ports: ConnectionPorts,
  url: SourceUrl,
  { credential, idle }: { credential: GitCredential | null; idle: number },
): Promise<Passage> {
  requireFittingCredential(url, credential)
  if (credential !== null) registerSecret(ports.secrets, credential)
  const login = toLogin(credential)
  const directory = await createPrivateDirectory(ports.temporary)
  try {
    const ssh = url.scheme === 'ssh' ? await toSshCommand(ports, url, credential, directory.path) : null
    const mode = toMode(url)
    const tunnel = mode === null ? null : await openEgressTunnel(ports.egress, { host: url.host, port: url.port, mode }, idle)
    return {
      directory: directory.path,
      tunnel,
      ssh,
      login,
      received: () => tunnel?.received ?? 0,
      problem: () => tunnel?.failure ?? null,
      close: () => {
        tunnel?.close()
        return directory.remove()
      },
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}

function toMode({ scheme }: SourceUrl): 'connect' | 'forward' | null {
  if (scheme === 'https') return 'connect'
  return scheme === 'svn' ? 'forward' : null
}

async function toSshCommand(
  ports: ConnectionPorts,
  url: SourceUrl,
  credential: GitCredential | null,
  directory: string,
): Promise<string> {
  const command = await sshCommand(ports, url, credential, directory)
  return [...command, '-p', String(url.port)].map(quoteForShell).join(' ')
}

function toLogin(credential: GitCredential | null): Passage['login'] {
  if (credential === null || credential.kind === 'ssh_key') return null
  if (credential.kind === 'bearer') {
    throw new DomainError('source_refused', { problem: 'this system takes a user name and a password, not a token alone' })
  }
  const { username, password } = credential
  // Configuration files have one value to a line and cut white space off.
  if ([username, password].some((text) => /\p{Cc}/u.test(text) || text !== text.trim())) {
    throw new DomainError('source_refused', { problem: 'user name and password must not begin or end with white space' })
  }
  return { username, password }
}
