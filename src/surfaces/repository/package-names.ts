import { parsePackageName } from '../../composer/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'

const PURL = /^pkg:(?:\/\/)?composer\/([^@?#]+)/i

/**
 * The names of packages in lower case, given as they are or as package URLs (`pkg:composer/acme/http@1.0`, also `pkg://composer/…`). What can be no
 * name of a package is left out: nothing is known of it.
 */
export function toPackageNames(texts: readonly string[]): string[] {
  return texts.flatMap((text) => parsePackageName(toName(text)) ?? [])
}

function toName(text: string): string {
  const path = PURL.exec(text)?.[1]
  try {
    return path === undefined ? text : decodeURIComponent(path)
  } catch {
    return ''
  }
}

/**
 * The list that parameters make as PHP reads them: `packages[]=…`, or `packages[0]=…` with every number from 0 in any order; null without any. Throws
 * `invalid_input` for keys that make no list.
 */
export function readParameterList(parameters: URLSearchParams, name: string): string[] | null {
  const values: string[] = []
  let next = 0
  for (const [key, value] of parameters) {
    const index = indexOf(key, name, next)
    if (index === null) {
      continue
    }
    if (Number.isNaN(index) || values[index] !== undefined) {
      throw invalidInput(name, `give a list, as ${name}[]=…&${name}[]=…`)
    }
    values[index] = value
    next = Math.max(next, index + 1)
  }
  // An array with gaps has fewer keys than its length says.
  if (Object.keys(values).length !== values.length) {
    throw invalidInput(name, 'number the list from 0 on without gaps')
  }
  return values.length === 0 ? null : values
}

const MAX_INDEX = 100_000

/** Where in the list the value of a key belongs; null for another parameter, NaN for what is no place in a list. */
function indexOf(key: string, name: string, next: number): number | null {
  if (key !== name && !key.startsWith(`${name}[`)) {
    return null
  }
  const inner = /^\[(\d{0,6})\]$/.exec(key.slice(name.length))?.[1]
  if (inner === undefined || Number(inner) > MAX_INDEX) {
    return Number.NaN
  }
  return inner === '' ? next : Number(inner)
}
