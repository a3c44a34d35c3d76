import { Option, type Command } from 'commander'
import type { CredentialInput } from '../core/sources/index.ts'
import { usageFailure } from './failure.ts'
import { readSecret, type SecretOrigin } from './secret-input.ts'
import type { Session } from './session.ts'

/** How the registry signs in at the host of a source, as options. */
export interface CredentialOptions {
  username?: string
  passwordFile?: string
  passwordEnv?: string
  tokenFile?: string
  tokenEnv?: string
  sshKeyFile?: string
  credentialStdin?: boolean
}

/** Every option that says where a secret comes from, by its key; at most one of them is given. */
const ORIGINS = ['passwordFile', 'passwordEnv', 'tokenFile', 'tokenEnv', 'sshKeyFile', 'credentialStdin'] as const

/** Adds the options to a command. */
export function addCredentialOptions(command: Command): Command {
  const options = [
    new Option('--password-file <file>', 'read the password from a file'),
    new Option('--password-env <variable>', 'read the password from an environment variable'),
    new Option('--token-file <file>', 'read a bearer token from a file'),
    new Option('--token-env <variable>', 'read a bearer token from an environment variable'),
    new Option('--ssh-key-file <file>', 'read a private ssh key (without passphrase) from a file'),
    new Option('--credential-stdin', 'read the password (with --username), the token, or for ssh the key from standard input'),
  ]
  command.option('--username <name>', 'user name at the host; without a password option the password is asked for')
  for (const option of options) {
    command.addOption(option.conflicts(ORIGINS.filter((key) => key !== option.attributeName())))
  }
  return command
}

/** Reads the credential, or null when the options name none. Throws a usage failure. */
export async function readCredential(session: Session, url: string, options: CredentialOptions): Promise<CredentialInput | null> {
  const kind = kindOf(url, options)
  if (kind === null) {
    return null
  }
  if (kind !== 'basic' && options.username !== undefined) {
    throw usageFailure('--username goes with a password, not with a token or a key. The user of an ssh URL is part of the URL.')
  }
  const secret = await readSecret(session, originOf(options))
  switch (kind) {
    case 'basic':
      return { kind, username: requireUsername(options), password: secret }
    case 'bearer':
      return { kind, token: secret }
    case 'ssh_key':
      return { kind, privateKey: secret }
  }
}

/** Headers of one's own are for mirrors alone. */
type SourceCredentialKind = Exclude<CredentialInput['kind'], 'headers'>

function kindOf(url: string, options: CredentialOptions): SourceCredentialKind | null {
  if (options.passwordFile !== undefined || options.passwordEnv !== undefined) {
    requireUsername(options)
    return 'basic'
  }
  if (options.tokenFile !== undefined || options.tokenEnv !== undefined) {
    return 'bearer'
  }
  if (options.sshKeyFile !== undefined) {
    return 'ssh_key'
  }
  if (options.username !== undefined) {
    return 'basic'
  }
  if (options.credentialStdin !== true) {
    return null
  }
  return /^https?:/i.test(url) ? 'bearer' : 'ssh_key'
}

function requireUsername({ username }: CredentialOptions): string {
  if (username === undefined) {
    throw usageFailure('A password needs --username. Hosts that only know tokens take them with --token-file.')
  }
  return username
}

function originOf(options: CredentialOptions): SecretOrigin {
  const path = options.passwordFile ?? options.tokenFile ?? options.sshKeyFile
  if (path !== undefined) {
    return { kind: 'file', path }
  }
  const name = options.passwordEnv ?? options.tokenEnv
  if (name !== undefined) {
    return { kind: 'environment', name }
  }
  return options.credentialStdin === true
    ? { kind: 'stdin' }
    : { kind: 'prompt', question: `Password of ${options.username ?? ''}` }
}
