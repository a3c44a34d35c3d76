import { trimAscii } from './trim-ascii.ts'

/**
 * A comma or run of spaces that joins two requirements: not at the ends, not around `as`, not after an operator and
 * not beside the dash of a range. Each run has one place where a match can start, so the search is linear.
 */
const CONJUNCTION = /(?<!^|as|[=>< ,]) *(?<!-)[, ](?!-) *(?!,|as|$)/

/** Splits a constraint at `|` and `||` (contract §5.5). Parts may be empty; each is free of white space at the separators. */
export function splitAlternatives(constraint: string): string[] {
  return trimAscii(constraint).split(/\|\|?/).map(trimAscii)
}

/** Splits one alternative at the commas and spaces that mean "and" (contract §5.5). Parts are not trimmed. */
export function splitRequirements(alternative: string): string[] {
  return alternative.split(CONJUNCTION)
}
