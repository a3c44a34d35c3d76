import type { ArchiveFormat } from './read-archive.ts'

/** The format of an archive that nobody looked at yet, by what is said of it: its type (contract composer.md §3.1) and the end of its address. */
export function guessArchiveFormat({ type, url }: { type: 'zip' | 'tar'; url: string }): ArchiveFormat {
  if (type === 'zip') {
    return 'zip'
  }
  const { pathname } = new URL(url)
  if (/\.(?:tar\.bz2|tbz2?)$/i.test(pathname)) {
    return 'tar.bz2'
  }
  return /\.tar$/i.test(pathname) ? 'tar' : 'tar.gz'
}
