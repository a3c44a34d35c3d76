/**
 * What an archive of an upstream would unpack to, judged for one thing only: whether it leaves the directory that it is unpacked to. Whatever else
 * uploads are refused for, clients install from the upstream all the same, and a mirror must not stand in their way.
 */
import { ArchiveRefused } from './archive-refusal.ts'
import type { ArchiveEntry, ArchiveLimits, ArchiveTree } from './archive-tree.ts'

/** An empty tree that refuses names leading elsewhere, places behind symbolic links, and what is over a limit. */
export function createIntegrityTree(limits: ArchiveLimits): ArchiveTree {
  const links = new Set<string>()
  const total = { entries: 0, files: 0, bytes: 0 }
  return {
    count() {
      total.entries += 1
      if (total.entries > limits.entries) {
        throw new ArchiveRefused('too_many_entries', `the archive has more than ${limits.entries} entries`)
      }
    },
    add(entry) {
      const path = toInnerPath(entry)
      if (links.size > 0) requireNotBehindLink(path, links)
      if (entry.kind === 'symlink') links.add(path)
      total.files += entry.kind === 'directory' ? 0 : 1
      return path
    },
    grow(bytes, entry) {
      total.bytes += bytes
      if (total.bytes > limits.bytes) {
        throw new ArchiveRefused('too_large', `the archive unpacks to more than ${limits.bytes} bytes`, entry)
      }
    },
    isManifest: () => false,
    keepManifest() {},
    finish() {
      if (total.files === 0) throw new ArchiveRefused('damaged', 'the archive is empty')
      return { root: '', manifest: new Uint8Array(0), files: total.files, bytes: total.bytes }
    },
  }
}

/** Backslashes separate directories on some systems, so they are judged as if they did everywhere. */
function toInnerPath({ name }: ArchiveEntry): string {
  const path = name.replaceAll('\\', '/')
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) {
    throw new ArchiveRefused('unsafe_path', 'the path is absolute', name)
  }
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw new ArchiveRefused('unsafe_path', 'the path contains ".."', name)
  return parts.join('/')
}

function requireNotBehindLink(path: string, links: ReadonlySet<string>): void {
  for (let slash = path.indexOf('/'); slash > 0; slash = path.indexOf('/', slash + 1)) {
    if (links.has(path.slice(0, slash))) {
      throw new ArchiveRefused('unsafe_link', 'this entry lies behind a symbolic link of the archive', path)
    }
  }
}
