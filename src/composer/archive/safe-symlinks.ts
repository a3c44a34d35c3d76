/**
 * Decides whether symbolic links stay inside an archive. Whoever unpacks it follows them, so a link is resolved the way
 * an operating system does, through other links of the tree. Names are also compared without regard to case, because on
 * some file systems `LINK/..` goes through `link`.
 */
export interface SymlinkTree {
  /** Whether the link at this path ends within the tree. Absolute, looping and unreadable ones do not; dangling ones may. */
  staysInside(path: string): boolean
}

/** Links beyond these numbers are taken for a loop or an attack: parts walked over, and links followed on the way. */
const MOST_STEPS = 400
const MOST_LINKS = 40

/** Links with longer targets are left out. In bytes. */
export const LONGEST_SYMLINK = 1024

/** Knows every symbolic link of a tree: its path and its target (null when it is not known or not UTF-8). */
export function createSymlinkTree(links: ReadonlyMap<string, string | null>): SymlinkTree {
  const folded = new Map<string, string | null>()
  for (const [path, target] of links) folded.set(foldPath(path), target)

  function targetAt(path: string): string | null | undefined {
    return links.has(path) ? links.get(path) : folded.get(foldPath(path))
  }

  return {
    staysInside(path) {
      const position: string[] = []
      const pending = path.split('/').toReversed()
      let followed = 0
      for (let steps = 0; steps < MOST_STEPS; steps++) {
        const part = pending.pop()
        if (part === undefined) return true
        if (part === '' || part === '.') continue
        if (part === '..') {
          if (position.pop() === undefined) return false
          continue
        }
        position.push(part)
        const target = targetAt(position.join('/'))
        if (target === undefined) continue
        if (target === null || !isRelativeTarget(target) || ++followed > MOST_LINKS) return false
        position.pop()
        pending.push(...target.split('/').toReversed())
      }
      return false
    },
  }
}

/**
 * The form in which two paths are one on file systems that ignore case or Unicode composition. Only for comparing; it
 * follows the Unicode tables of the runtime.
 */
export function foldPath(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

function isRelativeTarget(target: string): boolean {
  return target !== '' && !target.startsWith('/') && !/^[A-Za-z]:|[\\\0]/.test(target)
}
