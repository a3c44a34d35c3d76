import type { RemoteRefs } from './remote-refs.ts'

/** A repository of another system, opened to be imported into a mirror. */
export interface Upstream {
  readonly system: 'svn' | 'hg'
  /** What its branches and tags lead to, by full git ref name (one character per byte). */
  readonly heads: ReadonlyMap<string, UpstreamHead>
  readonly unusable: RemoteRefs['unusable']
  /** The full ref name of the default branch, if there is one. */
  readonly defaultBranch: string | null
  /** The files of a head; `close` gives back what reading them takes. */
  open(head: UpstreamHead): Promise<UpstreamTree>
  close(): Promise<void>
}

/** One state of the repository. Equal revisions have equal files. */
export interface UpstreamHead {
  /** One line that names the state for people and for clients of the system. */
  revision: string
  /** Seconds since 1970. */
  changedAt: number
}

/** The files of one state. */
export interface UpstreamTree {
  files: UpstreamFile[]
  /** The contents of some of them, in any order; each must be read to its end before the next. */
  read(files: readonly UpstreamFile[]): AsyncIterable<{ file: UpstreamFile; size: number; content: AsyncIterable<Uint8Array> }>
  close(): Promise<void>
}

/** A file of a tree. `path` is one character per byte; files with equal keys have equal contents in all trees of the upstream. */
export interface UpstreamFile {
  path: string
  mode: '100644' | '100755' | '120000'
  key: string
}
