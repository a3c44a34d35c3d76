import type { Config } from '../config.ts'

/** What somebody needs to use an organization's repository with Composer. */
export interface ComposerSetUp {
  /** Public base URL without a slash at the end. */
  base: string
  repository: string
  host: string
  /** Whether Composer must be told that this address is not encrypted. */
  isPlain: boolean
  /** False when the address is a guess because REPERTOIRE_URL is not set. */
  isPublic: boolean
}

/** The addresses of an organization's repository. */
export function toComposerSetUp(config: Config, slug: string): ComposerSetUp {
  const base = config.publicUrl ?? `http://localhost:${config.port}`
  return {
    base,
    repository: `${base}/${slug}/`,
    host: new URL(base).host,
    isPlain: base.startsWith('http:'),
    isPublic: config.publicUrl !== null,
  }
}

/** The commands to run in a project; with `secret` also the one that stores the token for this user. */
export function composerCommands(setUp: ComposerSetUp, slug: string, secret: string | null): string[] {
  return [
    `composer config repositories.${slug} composer ${setUp.repository}`,
    ...(setUp.isPlain ? ['composer config secure-http false'] : []),
    ...(secret === null ? [] : [`composer config --global --auth http-basic.${setUp.host} token ${secret}`]),
  ]
}

/** The lines for a project's composer.json. */
export function composerSnippet(setUp: ComposerSetUp): string {
  const repository = { repositories: [{ type: 'composer', url: setUp.repository }] }
  return JSON.stringify(setUp.isPlain ? { ...repository, config: { 'secure-http': false } } : repository, null, 4)
}

/** Says how the address was guessed, or nothing. */
export function describeGuess(setUp: ComposerSetUp): string {
  return setUp.isPublic ? '' : '\nThe address is a guess; set REPERTOIRE_URL to the one that your users reach.\n'
}
