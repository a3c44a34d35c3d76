import type { CandidateVersion } from './candidate.ts'

/** What policy says about a change of a published version. */
export type Verdict = { allowed: true } | { allowed: false; rule: string }

/** How a door treats a version that is published already with other content: a moved tag is followed, an upload only when it was asked for. */
export type ChangePolicy = 'follow' | 'refuse'

/**
 * The policy step of the publish pipeline: sees a version that is published already, perhaps hidden, and what the source now offers for it.
 * A moved tag is followed and recorded, and its old archive stays (domain.md §5.5); rules that hold such a change
 * back for approval belong here.
 */
export function policeChange(
  published: { reference: string; stability: string },
  offered: CandidateVersion,
  policy: ChangePolicy,
): Verdict {
  const isSame = published.reference === offered.reference
  return isSame || policy === 'follow' ? { allowed: true } : { allowed: false, rule: 'published with other content' }
}
