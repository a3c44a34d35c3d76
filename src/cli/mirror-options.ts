import { InvalidArgumentError, Option, type Command } from 'commander'
import type { MirrorBehavior, MirrorChoices } from '../core/mirrors/index.ts'
import type { CredentialInput } from '../core/sources/index.ts'
import { usageFailure } from './failure.ts'
import { readSecret, type SecretOrigin } from './secret-input.ts'
import type { Session } from './session.ts'
import { readCredential, type CredentialOptions } from './source-credential.ts'
import { parseSyncInterval } from './sync-interval.ts'

/** The choices of a mirror as options. */
export interface ChoiceOptions {
  name?: string
  behavior?: 'on-use' | 'manual' | 'admins'
  only?: string[]
  except?: string[]
  timeout?: number
  interval?: number | 'auto'
  archives?: boolean
  all?: boolean
  holdSuspects?: boolean
}

/** Where headers that are sent to an upstream come from. */
export interface HeaderOptions {
  headersFile?: string
  headersEnv?: string
}

const BEHAVIORS: Readonly<Record<NonNullable<ChoiceOptions['behavior']>, MirrorBehavior>> = {
  'on-use': 'add_on_use',
  manual: 'manual',
  admins: 'manual_admin',
}

/** Adds the options of a mirror's choices to a command. */
export function addChoiceOptions(command: Command): Command {
  return command
    .option('--name <name>', 'its name for people; the host if left out')
    .addOption(
      new Option('--behavior <behavior>', 'who adds packages: clients that use them, members, or admins').choices(
        Object.keys(BEHAVIORS),
      ),
    )
    .option('--only <patterns...>', 'only packages of these names, such as "symfony/*"; "*" for all')
    .option('--except <patterns...>', 'no packages of these names; "-" for none')
    .addOption(new Option('--timeout <seconds>', 'how long one answer may take, 5 to 30').argParser(parseSeconds))
    .addOption(
      new Option('--interval <duration>', 'how often to look for news: 10m, 2h, 1d, or auto').argParser(parseSyncInterval),
    )
    .option('--archives', 'keep archives here')
    .option('--no-archives', 'keep no archives here; clients get them from the upstream')
    .option('--all', 'take every package that the upstream lists')
    .option('--no-all', 'take only packages that somebody asked for')
    .option(
      '--hold-suspects',
      'keep back versions that change what they may do on install, until somebody dismisses the incident',
    )
    .option('--no-hold-suspects', 'only report such versions')
}

/** Adds the options for headers of one's own, beside those of `addCredentialOptions`. */
export function addHeaderOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--headers-file <file>', 'read headers, one "Name: value" a line, from a file').conflicts([
        'headersEnv',
        'username',
        'tokenFile',
        'tokenEnv',
      ]),
    )
    .addOption(new Option('--headers-env <variable>', 'read such headers from an environment variable'))
}

function parseSeconds(text: string): number {
  if (!/^\d{1,3}$/.test(text)) {
    throw new InvalidArgumentError('Give a number of seconds.')
  }
  return Number(text)
}

/** The choices that were made; what was not given is left out. */
export function toChoices(options: ChoiceOptions): Partial<MirrorChoices> {
  const { name, behavior, only, except, timeout, interval, archives, all, holdSuspects } = options
  return {
    ...(name === undefined ? {} : { name }),
    ...(behavior === undefined ? {} : { behavior: BEHAVIORS[behavior] }),
    ...(only === undefined ? {} : { only: only.includes('*') ? null : only }),
    ...(except === undefined ? {} : { except: except.includes('-') ? null : except }),
    ...(timeout === undefined ? {} : { timeout: timeout * 1000 }),
    ...(interval === undefined ? {} : { refreshSeconds: interval === 'auto' ? null : interval }),
    ...(archives === undefined ? {} : { keepsArchives: archives }),
    ...(all === undefined ? {} : { takesAll: all }),
    ...(holdSuspects === undefined ? {} : { holdsSuspects: holdSuspects }),
  }
}

/** Reads the credential for an upstream, or null when the options name none. Throws a usage failure. */
export async function readMirrorCredential(
  session: Session,
  url: string,
  options: CredentialOptions & HeaderOptions,
): Promise<CredentialInput | null> {
  const origin = headersOrigin(options)
  if (origin === null) {
    return readCredential(session, url, options)
  }
  const lines = (await readSecret(session, origin)).split(/\r?\n/).filter((line) => line.trim() !== '')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    if (colon < 1) {
      throw usageFailure('Headers are lines of the form "Name: value".')
    }
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
  })
  return { kind: 'headers', headers: Object.fromEntries(headers) }
}

function headersOrigin({ headersFile, headersEnv }: HeaderOptions): SecretOrigin | null {
  if (headersFile !== undefined) {
    return { kind: 'file', path: headersFile }
  }
  return headersEnv === undefined ? null : { kind: 'environment', name: headersEnv }
}
