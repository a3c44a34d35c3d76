import type { VcsSystem } from './source-url.ts'
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
  /** The same for equal texts, and without the instance's key of no use to anybody: to compare secrets by. */
  fingerprint(secret: string): string
}

/** Hashes passwords with a slow, salted function; `hash` and `verify` take tens of milliseconds on purpose. */
export interface Passwords {
  hash(password: string): Promise<string>
  /** With null, when there is nobody to compare with, it takes as long and is never true. */
  verify(password: string, hash: string | null): Promise<boolean>
  /** Whether a hash was made with weaker parameters than those of today. */
  isOutdated(hash: string): boolean
}

/** At most `limit` within each fixed window of `window` milliseconds. */
export interface RateLimit {
  limit: number
  window: number
}

/** The state of a limit after taking from it. `resetAt` is the end of the window. */
export interface RateTaken {
  allowed: boolean
  limit: number
  remaining: number
  resetAt: Instant
}

/** The limits that an operator may set or switch off. */
export type RateLimitName = 'api' | 'downloads' | 'composer' | 'failures'

/**
 * Counts per key in fixed windows that all processes agree on. Nothing here waits or writes: a process knows its own counts at once and those of
 * the others about a second later, so that a limit can be overshot by what the others let through in that second.
 */
export interface RateLimiter {
  /** What is configured; null where a limit is switched off. */
  readonly rules: Readonly<Record<RateLimitName, RateLimit | null>>
  /** Takes one from the window of `key`. What is refused takes nothing. */
  take(key: string, rule: RateLimit): RateTaken
}

/** What somebody tries to prove, as whom, and from where. The account is whatever was typed, also one that does not exist. */
export interface Attempt {
  /** Such as `login` or `second-factor`; each purpose counts by itself. */
  purpose: string
  account: string
  address: string | null
}

/**
 * Slows down guessing of secrets that people choose (abuse 42), over all processes of an installation. Failures are counted for the account
 * from this address, for the address, and for the account from everywhere; beyond what anybody mistypes each further failure doubles the
 * wait. Whoever succeeded from an address before is not held up there by what strangers do elsewhere.
 */
export interface Attempts {
  /**
   * Counts a try before it is checked, so that tries made at once cannot pass together. Null when it may be checked, else the milliseconds
   * to wait; a try that has to wait is not counted.
   */
  admit(attempt: Attempt): Promise<number | null>
  /** The try that was admitted was right: it no longer counts, and the failures of this account from this address are forgotten. */
  succeed(attempt: Attempt): Promise<void>
}

/** What proves who asks: the `Authorization` value, or headers of its own. Sent only to that `scheme://host[:port]`, also after redirects. */
export type HttpCredential = { origin: string } & ({ authorization: string } | { headers: Readonly<Record<string, string>> })

/** One outgoing request. `maxBytes` bounds the body of the answer; times are in milliseconds. */
export interface HttpRequest {
  url: string
  method?: string
  headers?: Readonly<Record<string, string>>
  credential?: HttpCredential | null
  body?: Uint8Array
  /** How many redirects are followed; each is judged like the first URL. */
  redirects: number
  maxBytes: number
  /**
   * Whether the body may travel compressed: it is asked for so, and given decoded in one piece once all of it is there. `maxBytes` then holds for
   * both forms, and what is much larger decoded than compressed is refused as too large.
   */
  decodes?: boolean
  /** How long nothing may arrive. */
  stall: number
  /** How long the whole may take, body included. */
  duration: number
}

/** The answer; `url` is where it came from after redirects. The body must be read, or ended with `return()`. */
export interface HttpAnswer {
  status: number
  headers: Headers
  url: string
  body: AsyncGenerator<Uint8Array, void, undefined>
}

/**
 * Outgoing http and https through the guard: every address is judged when it is dialled, those of redirects too. Any status is an answer.
 * Throws `invalid_url`, `egress_blocked`, `source_unreachable`, `source_timeout` and, while the body is read, `source_too_large`.
 */
export interface Http {
  fetch(input: HttpRequest): Promise<HttpAnswer>
  /** Judges where a URL leads now, without connecting. Throws `egress_blocked`, and `source_unreachable` when the name has no address. */
  requireAllowed(url: string): Promise<void>
}

/**
 * What this process knows of the hosts that it asks: who is asked for what at this moment, and who does not answer. One per process; other
 * processes have their own, and agree through leases in the database.
 */
export interface Upstreams {
  /** One call of `work` per key at a time; whoever asks meanwhile gets the same outcome, failures too. */
  once<Result>(key: string, work: () => Promise<Result>): Promise<Result>
  /**
   * Throws `upstream_paused` without calling `work` while the breaker of that origin is open: after failures in a row it opens for a time that
   * doubles, and then lets one call through. `isFailure` says which errors are the host's fault.
   */
  guard<Result>(origin: string, work: () => Promise<Result>, isFailure: (error: unknown) => boolean): Promise<Result>
  /** The origins whose breaker is open, with the time until which it is. */
  open(): ReadonlyMap<string, Instant>
  /** Keeps in this process, until a moment, that something is so. When there is too much of it the oldest is forgotten earlier. */
  note(key: string, until: Instant): void
  /** Until when a key is noted, or null when it is not, or not any more. */
  notedUntil(key: string): Instant | null
  /**
   * Takes a key that all processes of the installation share, or null while somebody has it. It is kept until it is given back; that of a process
   * that died is free after some seconds.
   */
  lease(key: string): Promise<UpstreamLease | null>
  /** Lets some milliseconds pass before one looks again at what another process does. */
  sleep(milliseconds: number): Promise<void>
}

/** A key that was taken; see `Upstreams.lease`. */
export interface UpstreamLease {
  /** Gives it back. Never fails: what could not be given back ends by itself. */
  release(): Promise<void>
}

/** One mail to one person. `id` is the same for every try, so that a mail that was sent twice can be recognized. */
export interface Mail {
  id: string
  to: string
  subject: string
  text: string
  html: string
}

/**
 * Hands mails to whoever delivers them. Throws `mail_refused` when this mail will never be taken and `mail_unavailable` when it may be
 * later.
 */
export interface Mailer {
  send(mail: Mail): Promise<void>
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

/** How a client that is sent to an object store gets to see a blob there. */
export interface BlobPresentation {
  contentType: string
  contentDisposition: string
}

/** Reads bytes at a position of a blob that is not on this machine; fewer only at the end. Throws `storage_unavailable`. */
export type BlobReader = (position: number, length: number) => Promise<Uint8Array>

/**
 * Where the bytes of a blob can be served from. `url`: an object store that clients may be sent to; each link is for this blob alone and
 * for minutes. `remote`: an object store that only the server reads.
 */
export type BlobLocation =
  | { kind: 'file'; path: string; size: number }
  | { kind: 'url'; size: number; link: (presentation: BlobPresentation) => string; read: BlobReader }
  | { kind: 'remote'; size: number; read: BlobReader }
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

/** What an upstream wants besides what git knows: lines of headers of its own (contract composer.md §2.9). */
export interface HeadersCredential {
  kind: 'headers'
  origin: string
  headers: Readonly<Record<string, string>>
}

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

/** Which files of a tree are wanted, and which directories may hold one. Paths have no slashes at the ends; the root is empty. */
export interface PathMatcher {
  matchesFile(path: string): boolean
  mayContain(directory: string): boolean
}

/** A wanted file of a commit; see `Git.findFiles`. */
export interface GitFoundFile {
  path: string
  mode: 'file' | 'symlink'
  objectId: string
  size: number
}

/** One file of a commit's tree, in byte order of `path`. Directories are not listed, submodules are left out. */
export interface GitTreeEntry {
  /** UTF-8 path relative to the root; null when the path is not UTF-8. */
  path: string | null
  mode: 'file' | 'executable' | 'symlink'
  objectId: string
  size: number
}

/**
 * Bare mirrors of repositories, named by a key that the caller chooses (`[a-z0-9-]+`). Every
 * process runs without a shell, hooks, filters or the user's configuration, and connects only through the guard for
 * outgoing requests. Failures are `DomainError`s: `source_unreachable`, `source_refused`, `source_moved`,
 * `source_timeout`, `source_limited`, `source_too_large`, `source_invalid`, `egress_blocked`, `invalid_url`.
 *
 * Subversion and Mercurial repositories are mirrored as git repositories too: each state that a branch or tag was found in is one
 * commit without parents, whose id depends on that state alone. All that reads mirrors is the same for the three systems.
 */
export interface Git {
  /**
   * Brings the mirror up to the remote's branches, tags and HEAD; creates it when it is absent. Commits that a moved or
   * vanished ref pointed to stay readable for ever. Old or new state after a crash, never half; no other process
   * of this product may fetch the same mirror at the same time.
   */
  fetch(input: {
    mirror: string
    /** The system of the remote; git if left out. */
    vcs?: VcsSystem
    url: string
    credential: GitCredential | null
    limits: FetchLimits
    onProgress: (received: { phase: string; done: number; total: number }) => void
  }): Promise<void>
  /** Lists branches and tags. Throws `source_too_large` beyond `limit` refs. */
  listRefs(mirror: string, limit: number): Promise<GitRefs>
  /** What the remote calls the commits that refs of a Subversion or Mercurial mirror lead to: `/tags/1.0/@12`, or 40 hex digits. */
  listRevisions(mirror: string): Promise<Map<string, string>>
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
  /**
   * The files of a commit, or of one directory of it with paths relative to that. Throws `archive_too_large` beyond `limit` entries, and
   * `source_invalid` when there is no such directory.
   */
  listTree(input: { mirror: string; commit: string; directory?: string; limit: number }): Promise<GitTreeEntry[]>
  /**
   * The wanted files of each commit in the order of their paths, null for a commit with more than `limit` of them or with too many directories
   * to look into. Neither submodules nor paths that are not UTF-8 are found. Distinct directories are read once for many commits.
   */
  findFiles(input: {
    mirror: string
    commits: readonly string[]
    matcher: PathMatcher
    limit: number
  }): Promise<Map<string, GitFoundFile[] | null>>
  /** The contents of blobs in the given order from one `cat-file --batch` process; each is read completely into memory. */
  readBlobs(mirror: string, objectIds: readonly string[]): AsyncIterable<{ objectId: string; bytes: Uint8Array }>
  /** Bytes that the mirror takes on disk; 0 when it is absent. */
  size(mirror: string): Promise<number>
  /** Removes the mirror and everything in it. */
  remove(mirror: string): Promise<void>
}
