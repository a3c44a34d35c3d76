import type { Visibility } from '../kernel/schema.ts'

/** Hosts whose repositories are reached under one path both ways. */
const BOTH_WAYS = ['github.com', 'gitlab.com', 'bitbucket.org', 'codeberg.org'] as const

/**
 * The URL by which clients clone a repository: everybody may clone a public one over https, and whoever may see another has a key for ssh
 * (contract gitlab.md §2.5). Where the host is not known to offer both, it is the URL of the source itself, always without a
 * credential.
 */
export function cloneUrl(url: string, visibility: Visibility): string {
  for (const host of BOTH_WAYS) {
    const path = pathAt(url, host)
    if (path !== null) {
      return visibility === 'public' ? `https://${host}/${path}` : `git@${host}:${path}`
    }
  }
  return url
}

function pathAt(url: string, host: string): string | null {
  const starts = [`https://${host}/`, `git@${host}:`, `ssh://git@${host}/`]
  const start = starts.find((one) => url.startsWith(one))
  return start === undefined ? null : url.slice(start.length)
}
