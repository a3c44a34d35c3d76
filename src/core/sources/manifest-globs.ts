import { findGlobProblems } from '../../composer/index.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Source } from './sources.sql.ts'

/** Patterns as a source stores them. Throws `definition_refused` with every problem and its path. */
export function formatManifestGlobs(globs: readonly string[]): string {
  const problems = findGlobProblems(globs)
  if (problems.length > 0) {
    throw new DomainError('definition_refused', { problems: problems.join('\n') })
  }
  return JSON.stringify([...new Set(globs)])
}

/** The patterns of a source, null for a repository with one package. */
export function parseManifestGlobs({ manifestGlobs }: Pick<Source, 'manifestGlobs'>): string[] | null {
  return manifestGlobs === null ? null : (JSON.parse(manifestGlobs) as string[])
}
