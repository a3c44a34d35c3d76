import { DomainError } from './errors.ts'
import { type GitUrl, type GitUrlPolicy, parseGitUrl } from './git-url.ts'

/** The version control systems that sources can be in. */
export const VCS_SYSTEMS = ['git', 'svn', 'hg'] as const

/** One of `VCS_SYSTEMS`. */
export type VcsSystem = (typeof VCS_SYSTEMS)[number]

/** The address of a repository, and the system that it is read with; see `GitUrl` for the fields. */
export interface SourceUrl extends GitUrl {
  vcs: VcsSystem
}

const PREFIXED = /^(git|svn|hg)\+(.*)$/is

/**
 * Reads the URL of a repository of any system. Without `wanted` the URL decides: `svn://` and `svn+…://` are Subversion, `hg+…://` is Mercurial, and
 * everything else git. `svn://` is not encrypted and is opened together with http; http itself serves git only, because the other
 * programs cannot be held to one host there. A `/trunk` at the end of a Subversion URL is left out, as Composer does. Throws `invalid_url` as
 * `parseGitUrl`, and with the rule `scheme` where URL and `wanted` contradict each other.
 */
export function parseSourceUrl(text: string, wanted: VcsSystem | null, policy: GitUrlPolicy): SourceUrl {
  const prefix = PREFIXED.exec(text)
  const named = toNamedSystem(text, prefix?.[1])
  if (named !== null && wanted !== null && named !== wanted) {
    refuse(`it is an address for ${named}, not for ${wanted}`)
  }
  const vcs = wanted ?? named ?? 'git'
  const plain = prefix?.[2] ?? text
  if (vcs === 'git') {
    return { vcs, ...parseGitUrl(plain, policy) }
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(plain)) {
    // Texts that look like options or helpers are named as such.
    parseGitUrl(plain, policy)
    refuse(`an address for ${vcs} starts with its scheme, such as https:// or ssh://`)
  }
  const url = parseGitUrl(plain, { ...policy, allowRoot: true, allowSvn: vcs === 'svn' && policy.allowHttp })
  if (url.scheme === 'http') {
    refuse('http serves git only; use https')
  }
  return vcs === 'svn' ? toSubversion(url) : { vcs, ...url }
}

function toNamedSystem(text: string, prefix: string | undefined): VcsSystem | null {
  if (prefix !== undefined) {
    return prefix.toLowerCase() as VcsSystem
  }
  return /^svn:\/\//i.test(text) ? 'svn' : null
}

function toSubversion(url: GitUrl): SourceUrl {
  const path = url.path.replace(/(?<=.)\/trunk$/, '')
  const canonical = url.canonical.slice(0, url.canonical.length - url.path.length + path.length)
  return { vcs: 'svn', ...url, path, canonical: url.scheme === 'ssh' ? `svn+${canonical}` : canonical }
}

function refuse(problem: string): never {
  throw new DomainError('invalid_url', { rule: 'scheme', problem })
}
