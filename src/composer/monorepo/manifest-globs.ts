/** Which files of a repository are manifests of packages, and which directories are worth looking into. Paths are relative, without slashes at the ends. */
export interface ManifestMatcher {
  matchesFile(path: string): boolean
  /** Whether a manifest may lie anywhere below this directory; true for the root (empty) unless there are no patterns. */
  mayContain(directory: string): boolean
}

const MANIFEST = 'composer.json'
const MOST_GLOBS = 20
const LONGEST_GLOB = 200
const MOST_STARS = 4

/**
 * Everything that is wrong with a list of patterns, each problem with its path (`manifests[0]: …`). A pattern is a path from the root of the
 * repository to a `composer.json`, in which `*` and `?` stand for characters of one name and the name `**` for any number of directories.
 */
export function findGlobProblems(globs: readonly string[]): string[] {
  if (globs.length === 0 || globs.length > MOST_GLOBS) return [`manifests: give 1 to ${MOST_GLOBS} patterns`]
  const problems: string[] = []
  for (const [index, glob] of globs.entries()) {
    const problem = findProblem(glob)
    if (problem !== null) problems.push(`manifests[${index}]: ${problem}`)
  }
  return problems
}

function findProblem(glob: string): string | null {
  if (glob.length > LONGEST_GLOB) return `it is longer than ${LONGEST_GLOB} characters`
  if (/[\p{Cc}\\]/u.test(glob) || !glob.isWellFormed()) return 'it has a backslash or a control character'
  const segments = glob.split('/')
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    return 'it must be a path from the root without a slash at its ends and without "." and ".." parts'
  }
  if (segments.at(-1) !== MANIFEST) return `it must end in ${MANIFEST}, as packages/*/${MANIFEST} does`
  if (segments.filter((segment) => segment === '**').length > MOST_STARS) return `it has more than ${MOST_STARS} "**"`
  return null
}

/** Matches by patterns in which `findGlobProblems` finds nothing. Time grows with the length of pattern times path, whatever they are. */
export function createManifestMatcher(globs: readonly string[]): ManifestMatcher {
  const patterns = globs.map((glob) => glob.split('/'))
  return {
    matchesFile: (path) => patterns.some((pattern) => advance(pattern, path).has(pattern.length)),
    mayContain: (directory) => patterns.some((pattern) => [...advance(pattern, directory)].some((at) => at < pattern.length)),
  }
}

/** The places in a pattern that can be reached by a path: before each of them the whole path was matched. */
function advance(pattern: readonly string[], path: string): Set<number> {
  let places = withSkips(pattern, [0])
  for (const name of path === '' ? [] : path.split('/')) {
    const next: number[] = []
    for (const place of places) {
      const segment = pattern[place]
      if (segment === '**') next.push(place)
      else if (segment !== undefined && matchesName(segment, name)) next.push(place + 1)
    }
    places = withSkips(pattern, next)
  }
  return places
}

/** `**` may stand for no directory at all. */
function withSkips(pattern: readonly string[], places: readonly number[]): Set<number> {
  const reached = new Set<number>()
  for (let place of places) {
    reached.add(place)
    while (pattern[place] === '**') {
      place += 1
      reached.add(place)
    }
  }
  return reached
}

/** Whether a name matches a segment with `*` and `?`; goes back to the last star only, which is enough for one name. */
function matchesName(segment: string, name: string): boolean {
  let [at, index, star, resume] = [0, 0, -1, 0]
  while (index < name.length) {
    if (segment[at] === '*') {
      star = at
      at += 1
      resume = index
    } else if (segment[at] === '?' || segment[at] === name[index]) {
      at += 1
      index += 1
    } else if (star >= 0) {
      at = star + 1
      resume += 1
      index = resume
    } else {
      return false
    }
  }
  return /^\**$/.test(segment.slice(at))
}
