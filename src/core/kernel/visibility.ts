import type { Visibility } from './schema.ts'

/** From the narrowest to the widest. */
export const VISIBILITIES: readonly Visibility[] = ['private', 'internal', 'public']

/** The narrower of two. */
export function narrower(left: Visibility, right: Visibility): Visibility {
  return VISIBILITIES.indexOf(left) <= VISIBILITIES.indexOf(right) ? left : right
}

/** Those that are at least as wide. */
export function atLeast(visibility: Visibility): readonly Visibility[] {
  return VISIBILITIES.slice(VISIBILITIES.indexOf(visibility))
}
