/**
 * READMEs are looked for once per commit, after the manifests: the files at the top that have one of the known names, from one listing of
 * distinct trees, and their contents from one `cat-file` process. Only regular files count, so nothing outside of the tree can be meant
 * (abuse 5). What one sync reads is bounded; the commits that are left are read by the next one. Nothing here fails a sync.
 */
import { createHash } from 'node:crypto'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { GitFoundFile, PathMatcher } from '../kernel/ports.ts'
import type { ReadRef } from './read-refs.ts'
import { deleteSourceReadmes, insertSourceReadmes, selectReadmeCommits, storeReadmes } from './readmes.sql.ts'
import type { Source } from './sources.sql.ts'

/** The names of READMEs in the order of their preference (contract pricore.md §9.10). */
const CANDIDATES = ['README.md', 'readme.md', 'Readme.md', 'README.markdown', 'readme.markdown', 'README', 'readme']

/** A larger file counts as none. */
const LARGEST_README = 512 * 1024

/** Bytes of distinct READMEs that one sync reads. */
const BYTES_PER_SYNC = 16 * 1024 * 1024

const AT_THE_TOP: PathMatcher = {
  matchesFile: (path) => CANDIDATES.includes(path),
  mayContain: (directory) => directory === '',
}

/** What a sync found of READMEs. */
export interface ReadmeReading {
  /** The hash of the README of each commit that was looked at now, null for none. */
  found: Map<string, string | null>
  /** Texts by hash. */
  texts: Map<string, string>
  /** Commits that were looked at once and that no ref points to any more. */
  lost: string[]
}

/** Reads the READMEs of commits that were not looked at before and that have a manifest, those of the default branch and of new commits first. */
export async function readReadmes(
  ctx: Ctx,
  report: JobReport,
  { source, refs, defaultBranch }: { source: Source; refs: readonly ReadRef[]; defaultBranch: string | null },
): Promise<ReadmeReading> {
  const known = await selectReadmeCommits(ctx.db, source.id)
  const present = new Set(refs.map(({ commit }) => commit))
  const reading: ReadmeReading = { found: new Map(), texts: new Map(), lost: [...known].filter((commit) => !present.has(commit)) }
  const wanted = listWanted(refs, known, defaultBranch)
  if (wanted.length === 0) {
    return reading
  }
  try {
    await readWanted(ctx, source.uid, wanted, reading)
  } catch (error) {
    ctx.log.warn('READMEs could not be read; the next sync tries again.', { source: source.url, error })
    report.log('warning', 'READMEs could not be read; the next sync tries again.')
    return { ...reading, found: new Map(), texts: new Map() }
  }
  return reading
}

function listWanted(refs: readonly ReadRef[], known: ReadonlySet<string>, defaultBranch: string | null): string[] {
  const isDefault = (ref: ReadRef) => (ref.kind === 'branch' && ref.name === defaultBranch ? 1 : 0)
  const wanted = refs
    .filter(({ commit, manifest }) => manifest.state === 'read' && !known.has(commit))
    .toSorted((left, right) => isDefault(right) - isDefault(left) || right.committedAt - left.committedAt)
  return [...new Set(wanted.map(({ commit }) => commit))]
}

async function readWanted(ctx: Ctx, mirror: string, commits: readonly string[], reading: ReadmeReading): Promise<void> {
  const listed = await ctx.git.findFiles({ mirror, commits, matcher: AT_THE_TOP, limit: CANDIDATES.length })
  const chosen = new Map<string, string>()
  const planned = new Set<string>()
  let bytes = 0
  for (const commit of commits) {
    const file = chooseReadme(listed.get(commit) ?? [])
    if (file === null) {
      reading.found.set(commit, null)
      continue
    }
    if (!planned.has(file.objectId)) {
      if (bytes + file.size > BYTES_PER_SYNC) {
        continue
      }
      bytes += file.size
      planned.add(file.objectId)
    }
    chosen.set(commit, file.objectId)
  }
  const hashes = planned.size === 0 ? new Map<string, string | null>() : await readTexts(ctx, mirror, planned, reading.texts)
  for (const [commit, objectId] of chosen) {
    reading.found.set(commit, hashes.get(objectId) ?? null)
  }
}

/** The first candidate that is a regular file, unless it is too large. */
function chooseReadme(files: readonly GitFoundFile[]): GitFoundFile | null {
  for (const name of CANDIDATES) {
    const file = files.find(({ path, mode }) => path === name && mode === 'file')
    if (file !== undefined) {
      return file.size <= LARGEST_README ? file : null
    }
  }
  return null
}

async function readTexts(
  ctx: Ctx,
  mirror: string,
  objectIds: ReadonlySet<string>,
  texts: Map<string, string>,
): Promise<Map<string, string | null>> {
  const hashes = new Map<string, string | null>()
  for await (const { objectId, bytes } of ctx.git.readBlobs(mirror, [...objectIds])) {
    const text = decode(bytes)
    const sha256 = text === null ? null : createHash('sha256').update(text).digest('hex')
    if (text !== null && sha256 !== null) {
      texts.set(sha256, text)
    }
    hashes.set(objectId, sha256)
  }
  return hashes
}

/** Null for what is no text: not UTF-8, or with a NUL. */
function decode(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}

/** Writes what was read, in the transaction that records the sync. */
export async function recordReadmes(tx: Tx, source: Source, { found, texts, lost }: ReadmeReading): Promise<void> {
  const ids = await storeReadmes(tx.db, texts)
  const rows = [...found].map(([commit, sha256]) => ({ commit, readme: sha256 === null ? null : (ids.get(sha256) ?? null) }))
  await insertSourceReadmes(tx.db, source.id, rows)
  await deleteSourceReadmes(tx.db, source.id, lost)
}
