import { importReferences, type ImportedVersion, type SourceRef } from '../import/references.ts'

/** A manifest that the patterns found at a ref. `name` is null when none can be published, and `problem` then says why. */
export interface ChildManifest {
  /** Path of the manifest from the root of the repository. */
  path: string
  name: string | null
  problem: string | null
  /** The same for the same text; see `RefManifest`. */
  id: string
}

/** A ref with the manifests of all of its packages; null when there are too many of them. */
export interface ChildRef extends Omit<SourceRef, 'manifest'> {
  children: readonly ChildManifest[] | null
}

/** A package at a ref that gave no version; `ref` is the full name. */
export interface SkippedChild {
  ref: string
  path: string
  code: string
  reason: string
}

/** What one package of the repository is at the refs that have it. */
export interface ImportedChild {
  name: string
  versions: ImportedVersion[]
  /** Where it lies at each commit of its versions, without slashes at the ends; empty for the root. */
  directories: Map<string, string>
}

/** A repository with several packages at one moment. */
export interface ChildrenInput {
  refs: readonly ChildRef[]
  defaultBranch: string | null
  /** The bytes of the manifests with these ids; asked for one package after the other, so that not all must be in memory. */
  load: (ids: ReadonlySet<string>) => Promise<ReadonlyMap<string, Uint8Array>>
}

/**
 * Decides what versions the packages of a repository are: each is imported by the rules of a repository of its own (`importReferences`), from
 * the refs that have it, so that a package may appear, vanish, move to another directory or change its name from ref to ref. `self.version`
 * stays as it is written: clients put in the version, and that of every alias.
 */
export async function importChildren(
  input: ChildrenInput,
  onChild: (child: ImportedChild) => void,
): Promise<{ skipped: SkippedChild[] }> {
  const skipped: SkippedChild[] = []
  const places = new Map<string, { ref: ChildRef; child: ChildManifest }[]>()
  for (const ref of input.refs) {
    for (const child of usableChildren(ref, skipped)) {
      const known = places.get(child.name)
      if (known === undefined) places.set(child.name, [{ ref, child }])
      else known.push({ ref, child })
    }
  }
  for (const name of [...places.keys()].sort()) {
    onChild(await importOne(input, { name, places: places.get(name) ?? [] }, skipped))
  }
  return { skipped }
}

function usableChildren(ref: ChildRef, skipped: SkippedChild[]): (ChildManifest & { name: string })[] {
  const byName = new Map<string, (ChildManifest & { name: string })[]>()
  for (const child of ref.children ?? []) {
    const { path, name } = child
    if (name === null) skipped.push({ ref: fullName(ref), path, code: 'rejected', reason: child.problem ?? 'it cannot be read' })
    else byName.set(name, [...(byName.get(name) ?? []), { ...child, name }])
  }
  const usable: (ChildManifest & { name: string })[] = []
  for (const [name, sharing] of byName) {
    if (sharing.length === 1) {
      usable.push(...sharing)
      continue
    }
    for (const { path } of sharing) {
      const others = sharing.filter((other) => other.path !== path).map((other) => other.path)
      const reason = `${name} is also the name in ${others.slice(0, 3).join(', ')}`
      skipped.push({ ref: fullName(ref), path, code: 'duplicate-name', reason })
    }
  }
  return usable
}

async function importOne(
  { defaultBranch, load }: ChildrenInput,
  { name, places }: { name: string; places: readonly { ref: ChildRef; child: ChildManifest }[] },
  skipped: SkippedChild[],
): Promise<ImportedChild> {
  const texts = await load(new Set(places.map(({ child }) => child.id)))
  const paths = new Map(places.map(({ ref, child }) => [fullName(ref), child.path]))
  const refs = places.map(({ ref, child: { id } }): SourceRef => {
    const bytes = texts.get(id)
    const { kind, name: refName, commit, objectType, authoredAt } = ref
    return {
      kind,
      name: refName,
      commit,
      objectType,
      authoredAt,
      manifest: bytes === undefined ? { kind: 'absent' } : { kind: 'text', id, bytes },
    }
  })
  const result = importReferences({ refs, defaultBranch })
  for (const { ref, code, reason } of result.skipped) skipped.push({ ref, path: paths.get(ref) ?? '', code, reason })
  const directories = new Map(result.versions.map(({ ref, reference }) => [reference, directoryOf(paths.get(ref) ?? '')]))
  return { name, versions: result.versions, directories }
}

/** The directory of a manifest, without slashes at the ends; empty for the root. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0))
}

function fullName(ref: Pick<SourceRef, 'kind' | 'name'>): string {
  return `refs/${ref.kind === 'tag' ? 'tags' : 'heads'}/${ref.name}`
}

const SHOWN_CHILDREN = 20

/**
 * Why a ref is listed with the refs that were skipped: the reason that all of its packages share, or those of the first few by their paths.
 * Null when nothing of it was skipped.
 */
export function describeSkipped(
  ref: Pick<ChildRef, 'children'>,
  skipped: readonly SkippedChild[],
): { code: string; reason: string } | null {
  if (ref.children === null) return { code: 'too-many-packages', reason: 'too many manifests match the patterns' }
  if (ref.children.length === 0) return { code: 'no-manifest', reason: 'no manifest matches the patterns' }
  const [first] = skipped
  if (first === undefined) return null
  const isShared = skipped.every(({ code, reason }) => code === first.code && reason === first.reason)
  if (isShared && skipped.length === ref.children.length && skipped.length > 1) return { code: first.code, reason: first.reason }
  const shown = skipped.slice(0, SHOWN_CHILDREN).map(({ path, reason }) => `${path}: ${reason}`)
  const rest = skipped.length > SHOWN_CHILDREN ? [`${skipped.length - SHOWN_CHILDREN} more`] : []
  return { code: 'packages', reason: [...shown, ...rest].join('; ') }
}
