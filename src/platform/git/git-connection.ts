import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DomainError } from '../../core/kernel/errors.ts'
import type { GitUrl } from '../../core/kernel/git-url.ts'
import type { GitCredential, Secrets } from '../../core/kernel/ports.ts'
import type { Egress } from '../http/egress.ts'
import type { EgressProxy } from '../http/egress-proxy.ts'
import askpassScript from './askpass.sh' with { type: 'text' }
import { createPrivateDirectory, type PrivateDirectory } from './private-directory.ts'

/*
 * How a git process reaches its remote. For http and https the only way out is a session of the loopback proxy that
 * reaches one host and port. For ssh the name is resolved and judged here and ssh is told the address. A secret is in
 * the environment of the process, an ssh key in a file that only this user can read and that goes away with the
 * connection; never in an argument, a URL or the mirror's configuration.
 */

/** A way to one remote for git processes; must be closed. */
export interface GitConnection {
  readonly environment: Readonly<Record<string, string>>
  /** Bytes received so far, where they pass through the proxy. */
  received(): number
  /** What the guard refused or could not reach; explains git's own, vaguer error. */
  problem(): DomainError | null
  close(): Promise<void>
}

/** What connections are made with. `temporary` holds private files, `knownHosts` the keys of ssh hosts seen before. */
export interface ConnectionPorts {
  egress: Egress
  proxy: EgressProxy
  secrets: Secrets
  temporary: string
  knownHosts: string
}

/** Throws `credential_origin` unless the credential belongs to the URL's origin, `source_refused` unless its kind fits. */
export function requireFittingCredential(url: GitUrl, credential: GitCredential | null): void {
  if (credential === null) return
  if (credential.origin !== url.origin) throw new DomainError('credential_origin', { origin: credential.origin })
  const isKey = credential.kind === 'ssh_key'
  if (isKey !== (url.scheme === 'ssh')) {
    throw new DomainError('source_refused', {
      problem: isKey ? 'an ssh key only serves ssh URLs' : 'an ssh URL needs an ssh key',
    })
  }
}

/** Opens the way. Throws `egress_blocked`, `source_unreachable`, and what `requireFittingCredential` throws. */
export async function openConnection(
  ports: ConnectionPorts,
  url: GitUrl,
  credential: GitCredential | null,
  idle: number,
): Promise<GitConnection> {
  requireFittingCredential(url, credential)
  if (credential !== null) registerSecret(ports.secrets, credential)
  if (url.scheme === 'file') return connection({ GIT_ALLOW_PROTOCOL: 'file' }, null)
  const directory = await createPrivateDirectory(ports.temporary)
  try {
    if (url.scheme === 'ssh') return connection(await sshEnvironment(ports, url, credential, directory.path), directory)
    const environment = await credentialEnvironment(credential, directory.path)
    const session = ports.proxy.openSession({ host: url.host, port: url.port }, idle)
    return {
      environment: { ...environment, GIT_ALLOW_PROTOCOL: url.scheme, ALL_PROXY: session.url },
      received: () => session.received,
      problem: () => session.failure,
      close: () => {
        session.close()
        return directory.remove()
      },
    }
  } catch (error) {
    await directory.remove()
    throw error
  }
}

function connection(environment: Record<string, string>, directory: PrivateDirectory | null): GitConnection {
  return { environment, received: () => 0, problem: () => null, close: async () => directory?.remove() }
}

/** Keeps a credential out of all that is printed. */
export function registerSecret(secrets: Secrets, credential: GitCredential): void {
  if (credential.kind === 'basic') {
    secrets.redact(credential.password)
    secrets.redact(Buffer.from(`${credential.username}:${credential.password}`).toString('base64'))
  }
  if (credential.kind === 'bearer') secrets.redact(credential.token)
  if (credential.kind === 'ssh_key') secrets.redact(credential.privateKey)
}

/** The `Authorization` value of a credential for requests that git does not make, or null for an ssh key. */
export function toAuthorization(credential: GitCredential | null): { origin: string; authorization: string } | null {
  if (credential === null || credential.kind === 'ssh_key') return null
  if (credential.kind === 'bearer') return { origin: credential.origin, authorization: `Bearer ${credential.token}` }
  const pair = Buffer.from(`${credential.username}:${credential.password}`).toString('base64')
  return { origin: credential.origin, authorization: `Basic ${pair}` }
}

async function credentialEnvironment(credential: GitCredential | null, directory: string): Promise<Record<string, string>> {
  if (credential === null || credential.kind === 'ssh_key') return {}
  const texts = credential.kind === 'bearer' ? [credential.token] : [credential.username, credential.password]
  if (texts.some((text) => /[\r\n\0]/.test(text))) {
    throw new DomainError('source_refused', { problem: 'the credential contains a line break' })
  }
  if (credential.kind === 'bearer') {
    return {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `http.${credential.origin}/.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Bearer ${credential.token}`,
    }
  }
  const script = join(directory, 'askpass')
  await writeFile(script, askpassScript, { mode: 0o700 })
  return {
    GIT_ASKPASS: script,
    REPERTOIRE_ASKPASS_ORIGIN: credential.origin,
    REPERTOIRE_ASKPASS_USERNAME: credential.username,
    REPERTOIRE_ASKPASS_PASSWORD: credential.password,
  }
}

async function sshEnvironment(
  ports: ConnectionPorts,
  url: GitUrl,
  credential: GitCredential | null,
  directory: string,
): Promise<Record<string, string>> {
  const command = await sshCommand(ports, url, credential, directory)
  return { GIT_ALLOW_PROTOCOL: 'ssh', GIT_SSH_COMMAND: command.map(quoteForShell).join(' '), GIT_SSH_VARIANT: 'ssh' }
}

/** The program and options that reach the host of an ssh URL, at an address that the guard allowed; the host itself comes after them. */
export async function sshCommand(
  ports: ConnectionPorts,
  url: Pick<GitUrl, 'host' | 'port'>,
  credential: GitCredential | null,
  directory: string,
): Promise<string[]> {
  const [address] = await ports.egress.resolveAllowed(url.host)
  const identity = credential?.kind === 'ssh_key' ? await writeKey(directory, credential.privateKey) : 'none'
  const alias = url.port === 22 ? url.host : `[${url.host}]:${url.port}`
  const options = [
    `HostName=${address}`,
    `HostKeyAlias=${alias}`,
    `UserKnownHostsFile=${quoteForSsh(ports.knownHosts)}`,
    'GlobalKnownHostsFile=/dev/null',
    `IdentityFile=${quoteForSsh(identity)}`,
    'BatchMode=yes',
    'StrictHostKeyChecking=accept-new',
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'PreferredAuthentications=publickey',
    'CheckHostIP=no',
    'UpdateHostKeys=no',
    'ForwardAgent=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
    'ConnectTimeout=15',
    'ServerAliveInterval=15',
    'LogLevel=ERROR',
  ]
  return ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', option])]
}

/** The format needs line feeds and one at the end; texts pasted into forms often lack both. */
async function writeKey(directory: string, privateKey: string): Promise<string> {
  const path = join(directory, 'key')
  await writeFile(path, `${privateKey.replaceAll('\r\n', '\n').trim()}\n`, { mode: 0o600 })
  await chmod(path, 0o600)
  return path
}

/** A word for a shell, and for whatever splits command lines as one. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** Ssh splits values at spaces and replaces `%` sequences. */
function quoteForSsh(path: string): string {
  return `"${path.replaceAll('%', '%%')}"`
}
