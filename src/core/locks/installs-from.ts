import type { LockedPackage } from './parse-lock-file.ts'

/** The repository that a lock file is compared with. */
export interface LockedRepository {
  /** `slug`, or `slug/slug`. */
  path: string
  /** Public URL of the registry without a slash at its end; null when it is not known, and then addresses are compared by their paths. */
  baseUrl: string | null
}

/**
 * Where `composer install` gets a package: from this repository, from another host, from nowhere because the lock file names no place, or it has nothing
 * to install. What is not an http address, such as a directory, is `elsewhere` without a host.
 */
export interface InstallPlace {
  from: 'here' | 'elsewhere' | 'nowhere' | 'nothing'
  host: string | null
}

/** The place that is tried first: a preferred mirror, then the archive, then the source. */
export function findInstallPlace({ type, dist, source }: LockedPackage, repository: LockedRepository): InstallPlace {
  if (type === 'metapackage') {
    return { from: 'nothing', host: null }
  }
  const url = dist?.preferred[0] ?? dist?.url ?? source?.url
  if (url === undefined) {
    return { from: 'nowhere', host: null }
  }
  if (isHere(url, repository)) {
    return { from: 'here', host: null }
  }
  const parsed = URL.parse(url)
  return { from: 'elsewhere', host: parsed === null || parsed.host === '' ? null : parsed.host }
}

function isHere(url: string, { path, baseUrl }: LockedRepository): boolean {
  const own = [`/${path}/`, `/org/${path}/`, '/api/v4/']
  if (baseUrl !== null) {
    return own.some((prefix) => url.startsWith(`${baseUrl}${prefix}`))
  }
  const pathname = URL.parse(url)?.pathname ?? ''
  return own.slice(0, 2).some((prefix) => pathname.startsWith(prefix))
}
