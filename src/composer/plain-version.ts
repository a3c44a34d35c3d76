import { normalizeVersion } from './normalize-version.ts'

/** A tag or branch by its name, without `refs/tags/` or `refs/heads/`. */
export interface NamedRef {
  kind: 'tag' | 'branch'
  name: string
}

const NUMERIC_BRANCH = /^v?(\d+(?:\.(?:\d+|[xX*])){0,3})$/
const SEMANTIC =
  /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/

/**
 * The version that a ref is by its name alone (contract gitlab.md §3.3): of a tag its name without one leading `v`; of a branch that is a number
 * that number as a line of development, of every other `dev-` and its name. A branch of four numbers, which Composer could not read as a line, is one
 * of the others.
 */
export function plainVersion({ kind, name }: NamedRef): string {
  if (kind === 'tag') {
    return name.replace(/^v/, '')
  }
  const number = NUMERIC_BRANCH.exec(name)?.[1]
  if (number === undefined) {
    return `dev-${name}`
  }
  const line = number.endsWith('.x') ? `${number}-dev` : `${number}.x-dev`
  return isReadable(line) ? line : `dev-${name}`
}

/** Whether a plain version is one: of a line of development, or semantic (semver.org 2.0.0), and in any case one that Composer can read. */
export function isPlainVersion(version: string): boolean {
  return (version.startsWith('dev-') || version.endsWith('-dev') || SEMANTIC.test(version)) && isReadable(version)
}

function isReadable(version: string): boolean {
  try {
    normalizeVersion(version)
    return true
  } catch {
    return false
  }
}
