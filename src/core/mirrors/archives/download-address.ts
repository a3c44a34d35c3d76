/**
 * Hosts that change the files of published versions (contract private-packagist.md §7.5): what they say about checksums is neither believed nor
 * passed on. The first bytes stay all the same.
 */
const CHANGING_HOSTS: ReadonlySet<string> = new Set(['repo.magento.com', 'my.yoast.com'])

/** Whether the checksum of what is fetched there may be believed and shown to clients. */
export function isChecksumShown(url: string): boolean {
  return !CHANGING_HOSTS.has(new URL(url).hostname)
}

const GITHUB_API = 'https://api.github.com'
const GITHUB_ZIPBALL = /^https:\/\/api\.github\.com\/repos\/([\w.-]+)\/([\w.-]+)\/zipball\/([\w./-]+)$/

/**
 * Where an archive is really asked for. GitHub's API does nothing but redirect to its host for downloads, and allows sixty such requests an hour
 * to whoever presents no token, which is less than one `composer install`. Without a credential for the API that host is asked at once;
 * the bytes are the same.
 */
export function toDownloadUrl(url: string, credentialOrigin: string | null): string {
  const [, owner, repository, reference] = GITHUB_ZIPBALL.exec(url) ?? []
  if (owner === undefined || credentialOrigin === GITHUB_API) {
    return url
  }
  return `https://codeload.github.com/${owner}/${repository}/legacy.zip/${reference}`
}
