import { packageNameProblem } from '../../composer/index.ts'
import { coversPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { parseGitUrl } from '../kernel/git-url.ts'
import type { Mirror } from './mirror.ts'
import type { MirrorChoices } from './mirrors.sql.ts'

const SECOND = 1_000
/** Bounds of what people may choose. */
const TIMEOUTS = { least: 5 * SECOND, most: 30 * SECOND, usual: 10 * SECOND } as const
const INTERVALS = { least: 60, most: 7 * 24 * 3600 } as const
const LONGEST_NAME = 255

/** What a new mirror is unless somebody says otherwise; its name is the host of its URL. */
export const USUAL_CHOICES: Omit<MirrorChoices, 'name'> = {
  behavior: 'add_on_use',
  timeout: TIMEOUTS.usual,
  only: null,
  except: null,
  keepsArchives: true,
  takesAll: false,
  holdsSuspects: false,
  refreshSeconds: null,
}

/** Where an upstream is: the address without a slash or `packages.json` at its end, and the only origin that may get its credential. */
export interface MirrorUrl {
  url: string
  origin: string
  scheme: string
}

/**
 * Reads the address of an upstream repository: https, or http where the operator opened it, without user and password. A directory, or the
 * address of a root file that ends with `.json`. Throws `invalid_url` with the rule that refuses it.
 */
export function parseMirrorUrl({ sourceUrls, publicUrl }: Pick<Ctx, 'sourceUrls' | 'publicUrl'>, text: string): MirrorUrl {
  const { scheme, origin, canonical } = parseGitUrl(text.trim(), {
    allowHttp: sourceUrls.allowHttp,
    allowFile: false,
    allowRoot: true,
  })
  if (scheme !== 'https' && scheme !== 'http') {
    throw new DomainError('invalid_url', { rule: 'scheme', problem: 'a Composer repository is asked over https' })
  }
  const url = canonical.replace(/\/packages\.json$/, '')
  if (publicUrl !== null && url === publicUrl) {
    throw new DomainError('invalid_url', { rule: 'path', problem: 'it names this registry, but none of its repositories' })
  }
  return { url, origin, scheme }
}

/** Refuses choices out of their bounds. Throws `invalid_input`. */
export function requireChoices(choices: MirrorChoices): void {
  const { name, timeout, refreshSeconds } = choices
  if (name.trim() === '' || name.length > LONGEST_NAME || /\p{Cc}/u.test(name)) {
    throw invalidInput('name', `give a name of at most ${LONGEST_NAME} characters`)
  }
  if (!Number.isInteger(timeout) || timeout < TIMEOUTS.least || timeout > TIMEOUTS.most) {
    throw invalidInput('timeout', `choose ${TIMEOUTS.least / SECOND} to ${TIMEOUTS.most / SECOND} seconds`)
  }
  const isInterval = Number.isInteger(refreshSeconds) && Number(refreshSeconds) >= INTERVALS.least
  if (refreshSeconds !== null && !(isInterval && refreshSeconds <= INTERVALS.most)) {
    throw invalidInput('interval', `choose ${INTERVALS.least} to ${INTERVALS.most} seconds`)
  }
}

/** Whether packages of that name (lower case) may come from a mirror at all. */
export function allowsName({ only, except }: Pick<Mirror, 'only' | 'except'>, name: string): boolean {
  return coversPackage(only, name) && (except === null || !coversPackage(except, name))
}

/** Whether the root file of an upstream leaves open that it has a package of that name. */
export function mayHave({ root }: Pick<Mirror, 'root'>, name: string): boolean {
  const available = root?.available ?? null
  return available === null || available.names.includes(name) || coversPackageOf(available.patterns, name)
}

/** Where there is no pattern nothing is covered. */
function coversPackageOf(patterns: readonly string[], name: string): boolean {
  return patterns.length > 0 && coversPackage(patterns, name)
}

/** Whether a text may be the name of a package, in lower case. */
export function isPackageName(name: string): boolean {
  return name.includes('/') && name === name.toLowerCase() && packageNameProblem(name) === null
}
