import { DomainError } from '../kernel/errors.ts'

interface Ref {
  kind: 'tag' | 'branch'
  commit: string
}

/** Fewer tags are moved or made anew by people who begin. */
const SOME_TAGS = 3

/**
 * Refuses what is another repository under the same address: somebody took over the account or the path that it was at (CO-129). Of a repository with
 * several tags, not one tag, nor any branch, leads to a commit that is still named; that is no development of the old one. Throws
 * `source_replaced`. Somebody has to look before anything is published from it; see `acceptRepository`.
 */
export function requireSameRepository(known: Iterable<Ref>, present: readonly Ref[]): void {
  const named = new Set(present.map(({ commit }) => commit))
  let tags = 0
  for (const { kind, commit } of known) {
    if (named.has(commit)) {
      return
    }
    tags += kind === 'tag' ? 1 : 0
  }
  if (tags >= SOME_TAGS && present.length > 0) {
    throw new DomainError('source_replaced')
  }
}
