import type { CandidateVersion } from './candidate.ts'

/** What policy says about a change of a published version. */
export type Verdict = { allowed: true } | { allowed: false; rule: string }

/**
 * The policy step of the publish pipeline: sees a version that is published already and what the source now offers for it.
 * A moved tag is followed and recorded, and its old archive stays (domain.md §5.5); rules that hold such a change
 * back for approval belong here.
 */
export function policeChange(_published: { reference: string; stability: string }, _offered: CandidateVersion): Verdict {
  return { allowed: true }
}
