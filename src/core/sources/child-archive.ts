import { directoryOf } from '../../composer/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Package } from '../packages/index.ts'
import { findDirectory, wasChild } from './children.sql.ts'
import { parseManifestGlobs } from './manifest-globs.ts'
import { findChildren } from './read-children.ts'
import type { Source } from './sources.sql.ts'

/**
 * Where a package lies at a commit, without slashes at the ends, empty for the root: as it was recorded when the commit was published; for other
 * commits of a repository with several packages, where a manifest has its name. Throws `dist_not_found` when the commit has no such package.
 */
export async function findPackageDirectory(
  ctx: Ctx,
  { source, target, commit }: { source: Source; target: Package; commit: string },
): Promise<string> {
  const recorded = await findDirectory(ctx.db, target.id, commit)
  const globs = parseManifestGlobs(source)
  if (recorded !== null) {
    return recorded
  }
  // One of several packages does not become the whole repository when the patterns are taken away.
  if (globs === null && !(await wasChild(ctx.db, target.id))) {
    return ''
  }
  // The package at the top may have been published before there were patterns.
  const patterns = [...(globs ?? []), 'composer.json']
  const children = (await findChildren(ctx, { mirror: source.uid, commit, globs: patterns })) ?? []
  const [own, ...others] = children.filter(({ name }) => name === target.name)
  if (own === undefined || others.length > 0) {
    throw new DomainError('dist_not_found')
  }
  return directoryOf(own.path)
}

/** What the top of a repository says about the archives of a package in one of its directories. */
export interface OuterRules {
  directory: string
  /** The text of `.gitattributes`, null when there is none. */
  gitattributes: string | null
  /** The bytes of composer.json, null when there is none. */
  manifest: Uint8Array | null
}

/** Reads the rules at the top of a repository for a package below it; null for a package at the top, whose own they are. */
export async function readOuterRules(
  ctx: Ctx,
  { mirror, commit, directory }: { mirror: string; commit: string; directory: string },
): Promise<OuterRules | null> {
  if (directory === '') {
    return null
  }
  const contents = await readTopFiles(ctx, { mirror, commit })
  const attributes = contents.get(ATTRIBUTES)
  return {
    directory,
    gitattributes: attributes === undefined ? null : new TextDecoder().decode(attributes),
    manifest: contents.get(MANIFEST) ?? null,
  }
}

const ATTRIBUTES = '.gitattributes'
const MANIFEST = 'composer.json'

async function readTopFiles(ctx: Ctx, { mirror, commit }: { mirror: string; commit: string }): Promise<Map<string, Uint8Array>> {
  const matcher = { matchesFile: (path: string) => path === ATTRIBUTES || path === MANIFEST, mayContain: () => false }
  const found = await ctx.git.findFiles({ mirror, commits: [commit], matcher, limit: 2 })
  const files = (found.get(commit) ?? []).filter(({ mode, size }) => mode === 'file' && size <= ctx.limits.manifestBytes)
  const contents = new Map<string, Uint8Array>()
  if (files.length === 0) {
    return contents
  }
  for await (const { objectId, bytes } of ctx.git.readBlobs(mirror, [...new Set(files.map((file) => file.objectId))])) {
    for (const { path } of files.filter((file) => file.objectId === objectId)) {
      contents.set(path, bytes)
    }
  }
  return contents
}
