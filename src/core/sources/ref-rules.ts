import type { RefRules } from '../../composer/index.ts'
import { invalidInput } from '../kernel/errors.ts'

/** Refuses names alone for a repository with several packages, whose refs are always read by Composer's rules. Throws `invalid_input`. */
export function requireSinglePackage(rules: RefRules, manifestGlobs: string | null): void {
  if (rules === 'literal' && manifestGlobs !== null) {
    throw invalidInput('refs', 'a repository with several packages is read by the rules of Composer')
  }
}
