import type { Instant, JobId } from './values.ts'

/** Wall time. The only door to the time of day. */
export interface Clock {
  now(): Instant
}

/** Unpredictable bytes. The only door to randomness. */
export interface Random {
  bytes(count: number): Uint8Array
}

/** Structured logging. Registered secrets never leave through it. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  with(fields: Record<string, unknown>): Logger
}

/** Encrypts what must be shown or presented again, and knows which texts must never be printed. */
export interface Secrets {
  /** Authenticated encryption with the instance's key. `context` binds the result to its place (`credential:<uid>`). */
  encrypt(plain: string, context: string): string
  /** Reverses `encrypt` and registers the plain text for redaction. Throws when key or context differ. */
  decrypt(sealed: string, context: string): string
  /** Texts registered here are replaced in every log line and error. */
  redact(secret: string): void
}

/** Hashes passwords with a slow, salted function; both calls take tens of milliseconds on purpose. */
export interface Passwords {
  hash(password: string): Promise<string>
  verify(password: string, hash: string): Promise<boolean>
}

/** Lets a call wait for a job that it caused; see `Tx.enqueue`. */
export interface JobWaiter {
  /** Resolves when the job ended, or with `timeout` after that many milliseconds. `code` is that of the error. */
  wait(job: JobId, timeout: number): Promise<{ kind: 'succeeded' } | { kind: 'failed'; code: string } | { kind: 'timeout' }>
}

/** A stored blob: hex SHA-256 of its bytes (the key), hex SHA-1, and size in bytes. */
export interface StoredBlob {
  sha256: string
  sha1: string
  size: number
}

/**
 * Bytes that arrived completely and that nobody else sees yet. `keep` or `discard` ends it, whichever comes first; what a crash leaves is
 * swept away later.
 */
export interface StagedBlob extends StoredBlob {
  /** The bytes at a position; fewer only at the end. */
  read(position: number, length: number): Promise<Uint8Array>
  /** Stores the bytes under their key; afterwards they survive a crash, as with `put`. */
  keep(): Promise<void>
  discard(): Promise<void>
}

/** Where the bytes of a blob can be served from. */
export type BlobLocation =
  | { kind: 'file'; path: string; size: number }
  | { kind: 'url'; url: string }
  | { kind: 'bytes'; bytes: Uint8Array }

/** Content-addressed storage. What `put` acknowledged survives a crash; readers never see half a blob. */
export interface Blobs {
  /** Stores the bytes once, however often they are put. Throws `storage_unavailable` when storage refuses writes. */
  put(content: AsyncIterable<Uint8Array>): Promise<StoredBlob>
  /** Receives bytes that are to be looked at before they are stored. Leaves nothing when `content` fails. Throws as `put`. */
  stage(content: AsyncIterable<Uint8Array>): Promise<StagedBlob>
  /** Where to serve a blob from, or null when it is not there. */
  locate(sha256: string): Promise<BlobLocation | null>
  /** Reads a whole blob and checks it against its key: `intact`, `damaged`, or `missing`. */
  verify(sha256: string): Promise<'intact' | 'damaged' | 'missing'>
  /** Removes a blob, or with `storedBefore` only one that was stored (the last time) before then; no error when it is not there. */
  remove(sha256: string, storedBefore?: Instant): Promise<void>
  /** All keys with the time they were stored, in no order. */
  list(): AsyncIterable<{ sha256: string; storedAt: Instant }>
}

/** What a source presents to its host. `origin` is the only `scheme://host[:port]` that may receive it. */
export type GitCredential =
  | { kind: 'basic'; origin: string; username: string; password: string }
  | { kind: 'bearer'; origin: string; token: string }
  | { kind: 'ssh_key'; origin: string; privateKey: string }

/** Limits of one fetch; see `Limits`. */
export interface FetchLimits {
  bytes: number
  objects: number
  stall: number
  duration: number
}

/** A ref of a mirror. `name` has no `refs/tags/` or `refs/heads/`; bytes that are not UTF-8 are written as `\xNN`. */
export interface GitRef {
  kind: 'tag' | 'branch'
  name: string
  /** The peeled object. */
  commit: string
  objectType: 'commit' | 'tree' | 'blob'
  committedAt: Instant
  authoredAt: Instant
}

/** The refs of a mirror. A repository without refs has an empty list. */
export interface GitRefs {
  refs: GitRef[]
  /** What HEAD names, or null when it is detached or unknown. */
  defaultBranch: string | null
  /** The commit of a detached HEAD. */
  detachedHead: string | null
  /** Branches and tags of the remote whose names git refuses, at most 1,000; they are not in `refs`. */
  unusable: { kind: 'tag' | 'branch'; name: string; reason: string }[]
}

/** The `composer.json` of one commit; `objectId` is the git blob id. `too_large` and `not_a_file` bring no bytes. */
export type GitManifest =
  | { kind: 'absent' }
  | { kind: 'read'; objectId: string; bytes: Uint8Array }
  | { kind: 'too_large'; objectId: string; size: number }
  | { kind: 'not_a_file'; objectId: string }
  | { kind: 'submodule' }

/** One file of a commit's tree, in byte order of `path`. Directories are not listed, submodules are left out. */
export interface GitTreeEntry {
  /** UTF-8 path relative to the root; null when the path is not UTF-8. */
  path: string | null
  mode: 'file' | 'executable' | 'symlink'
  objectId: string
  size: number
}

/**
 * Bare mirrors of git repositories, named by a key that the caller chooses (`[a-z0-9-]+`). Every
 * process runs without a shell, hooks, filters or the user's configuration, and connects only through the guard for
 * outgoing requests. Failures are `DomainError`s: `source_unreachable`, `source_refused`, `source_moved`,
 * `source_timeout`, `source_too_large`, `source_invalid`, `egress_blocked`, `invalid_url`.
 */
export interface Git {
  /**
   * Brings the mirror up to the remote's branches, tags and HEAD; creates it when it is absent. Commits that a moved or
   * vanished ref pointed to stay readable for ever. Old or new state after a crash, never half; no other process
   * of this product may fetch the same mirror at the same time.
   */
  fetch(input: {
    mirror: string
    url: string
    credential: GitCredential | null
    limits: FetchLimits
    onProgress: (received: { phase: string; done: number; total: number }) => void
  }): Promise<void>
  /** Lists branches and tags. Throws `source_too_large` beyond `limit` refs. */
  listRefs(mirror: string, limit: number): Promise<GitRefs>
  /**
   * Reads the `composer.json` of each commit in one `git cat-file --batch` pass, bounded in memory, in
   * the given order. `path` other than `composer.json` serves monorepos.
   */
  readManifests(input: {
    mirror: string
    commits: readonly string[]
    path: string
    limit: number
  }): AsyncIterable<{ commit: string; manifest: GitManifest }>
  /** The full commit id for a full or abbreviated hexadecimal id (7 or more digits), or null if the mirror has no such commit. */
  findCommit(mirror: string, id: string): Promise<{ commit: string; committedAt: Instant } | null>
  /** The files of a commit. Throws `archive_too_large` beyond `limit` entries. */
  listTree(input: { mirror: string; commit: string; limit: number }): Promise<GitTreeEntry[]>
  /** The contents of blobs in the given order from one `cat-file --batch` process; each is read completely into memory. */
  readBlobs(mirror: string, objectIds: readonly string[]): AsyncIterable<{ objectId: string; bytes: Uint8Array }>
  /** Bytes that the mirror takes on disk; 0 when it is absent. */
  size(mirror: string): Promise<number>
  /** Removes the mirror and everything in it. */
  remove(mirror: string): Promise<void>
}
