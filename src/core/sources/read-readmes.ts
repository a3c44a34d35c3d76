/**
 * READMEs are looked for once per commit, after the manifests: the file that the manifest names, else one at the top that has one of the known
 * names, from one listing of distinct trees, and their contents from one `cat-file` process. Only regular files count, so nothing outside of the tree can be meant
 * (abuse 5). What one sync reads is bounded; the commits that are left are read by the next one. Nothing here fails a sync.
 */
import { createHash } from 'node:crypto'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import type { JobReport } from '../kernel/jobs.ts'
import type { GitFoundFile, PathMatcher } from '../kernel/ports.ts'
import { selectManifests } from '../packages/index.ts'
import type { ReadRef } from './read-refs.ts'
import { deleteSourceReadmes, insertSourceReadmes, selectReadmeCommits, storeReadmes } from './readmes.sql.ts'
import type { Source } from './sources.sql.ts'

/** The names of READMEs in the order of their preference (contract pricore.md §9.10). */
const CANDIDATES = ['README.md', 'readme.md', 'Readme.md', 'README.markdown', 'readme.markdown', 'README', 'readme']

/** A larger file counts as none. */
const LARGEST_README = 512 * 1024

/** Bytes of distinct READMEs that one sync reads. */
const BYTES_PER_SYNC = 16 * 1024 * 1024

/** Different files that manifests of one source may name; others are passed over. */
const MAX_DECLARED = 20
const LONGEST_PATH = 200

function toMatcher(declared: ReadonlySet<string>): PathMatcher {
  const wanted = new Set([...CANDIDATES, ...declared])
  return {
    matchesFile: (path) => wanted.has(path),
    mayContain: (directory) => directory === '' || [...declared].some((path) => path.startsWith(`${directory}/`)),
  }
}

/** A README that was found: the hash of its text, and where it lies. */
interface FoundReadme {
  sha256: string
  path: string
}

/** What a sync found of READMEs. */
export interface ReadmeReading {
  /** The README of each commit that was looked at now, null for none. */
  found: Map<string, FoundReadme | null>
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
    const declared = await findDeclared(ctx, refs, new Set(wanted))
    await readWanted(ctx, { mirror: source.uid, commits: wanted, declared }, reading)
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

/** The file that the manifest of each of these commits calls its README (contract composer.md §7.7). */
async function findDeclared(ctx: Ctx, refs: readonly ReadRef[], commits: ReadonlySet<string>): Promise<Map<string, string>> {
  const manifests = refs.flatMap(({ commit, manifest }) =>
    commits.has(commit) && manifest.state === 'read' ? [{ commit, ...manifest }] : [],
  )
  const stored = manifests.flatMap(({ text, stored: id }) => (text === null && id !== null ? [id] : []))
  const texts = await selectManifests(ctx.db, [...new Set(stored)])
  const declared = new Map<string, string>()
  const distinct = new Set<string>()
  for (const { commit, text, stored: id } of manifests) {
    const path = readDeclared(text ?? (id === null ? undefined : texts.get(id)))
    if (path !== null && (distinct.has(path) || distinct.size < MAX_DECLARED)) {
      distinct.add(path)
      declared.set(commit, path)
    }
  }
  return declared
}

function readDeclared(manifest: string | undefined): string | null {
  const readme = manifest === undefined ? undefined : (parseJson(manifest) as { readme?: unknown } | null)?.readme
  const path = typeof readme === 'string' ? readme.replace(/^(?:\.\/)+/, '') : ''
  return path === '' || path.length > LONGEST_PATH || path.split('/').includes('..') ? null : path
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

async function readWanted(
  ctx: Ctx,
  { mirror, commits, declared }: { mirror: string; commits: readonly string[]; declared: ReadonlyMap<string, string> },
  reading: ReadmeReading,
): Promise<void> {
  const paths = new Set(declared.values())
  const limit = CANDIDATES.length + paths.size
  const listed = await ctx.git.findFiles({ mirror, commits, matcher: toMatcher(paths), limit })
  const chosen = new Map<string, { objectId: string; path: string }>()
  const planned = new Set<string>()
  let bytes = 0
  for (const commit of commits) {
    const file = chooseReadme(listed.get(commit) ?? [], declared.get(commit))
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
    chosen.set(commit, file)
  }
  const hashes = planned.size === 0 ? new Map<string, string | null>() : await readTexts(ctx, mirror, planned, reading.texts)
  for (const [commit, { objectId, path }] of chosen) {
    const sha256 = hashes.get(objectId) ?? null
    reading.found.set(commit, sha256 === null ? null : { sha256, path })
  }
}

/** The declared file, else the first candidate, that is a regular file, unless it is too large. */
function chooseReadme(files: readonly GitFoundFile[], declared: string | undefined): GitFoundFile | null {
  for (const name of declared === undefined ? CANDIDATES : [declared, ...CANDIDATES]) {
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
  const rows = [...found].map(([commit, readme]) => ({
    commit,
    readme: readme === null ? null : (ids.get(readme.sha256) ?? null),
    path: readme?.path ?? null,
  }))
  await insertSourceReadmes(tx.db, source.id, rows)
  await deleteSourceReadmes(tx.db, source.id, lost)
}
