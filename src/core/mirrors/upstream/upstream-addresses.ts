/** Where the root file of a repository is, from its URL as people write it (contract composer.md §1.1). */
export function toRootUrl(url: string): string {
  return new URL(url).pathname.includes('.json') ? url : `${url.replace(/\/+$/, '')}/packages.json`
}

/** The address of a file about a package; `name` is in lower case, and ends in `~dev` for that file. */
export function toPackageUrl(template: string, { name, hash = '' }: { name: string; hash?: string }): string {
  return template.replaceAll('%package%', () => name).replaceAll('%hash%', () => hash)
}
