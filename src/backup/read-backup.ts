/**
 * One pass over a backup. Everything in it is either on the lists here or refuses the whole file: member names and their order, tables,
 * columns, kinds of values. Nothing that a backup says decides where something is written.
 */
import { createHash } from 'node:crypto'
import { readBackupMembers, readWholeMember, type BackupMember } from '../platform/backup/backup-reader.ts'
import { InvalidBackup } from '../platform/backup/invalid-backup.ts'
import { isMirrorFile } from '../platform/backup/mirror-files.ts'
import { BackupManifest, BackupTrailer, KEY_NAME, MANIFEST_NAME, TRAILER_NAME } from './backup-documents.ts'

/** Takes what a backup holds, in this order. What a visitor does not read of a member is read and checked all the same. */
export interface BackupVisitor {
  manifest(manifest: BackupManifest): Promise<void>
  rows(part: { table: string; lines: string[] }): Promise<void>
  blob(sha256: string, member: BackupMember): Promise<void>
  mirror(mirror: string, name: string, member: BackupMember): Promise<void>
  /** The instance's key, as text. */
  key(text: string): Promise<void>
}

/** What was read, and found to be whole. */
export interface ReadBackup {
  manifest: BackupManifest
  trailer: BackupTrailer
  mirrors: number
  hasKey: boolean
}

const LARGEST_DOCUMENT = 256 * 1024 * 1024
const LARGEST_PART = 256 * 1024 * 1024
const LARGEST_KEY = 200

const BLOB = /^blobs\/([0-9a-f]{64})$/
const TABLE = /^tables\/([a-z_]+)\/(\d{6,9})\.ndjson$/
const MIRROR = /^mirrors\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/([^/]+)$/

type Kind = 'manifest' | 'table' | 'blob' | 'mirror' | 'key' | 'trailer'

const ORDER: readonly Kind[] = ['manifest', 'table', 'blob', 'mirror', 'key', 'trailer']

/** What has been seen so far. */
interface Progress {
  kind: Kind | null
  manifest: BackupManifest | null
  trailer: BackupTrailer | null
  members: BackupTrailer['members']
  mirrorFiles: Set<string>
  mirrors: Set<string>
  lastBlob: string
  blobs: number
  blobNames: ReturnType<typeof createHash>
  damaged: Set<string>
  /** The table and number of the last part. */
  table: { name: string; part: number }
}

/** Reads a whole backup and checks every digest. Throws `InvalidBackup`, and what the visitor throws. */
export async function readBackup(path: string, visitor: BackupVisitor): Promise<ReadBackup> {
  const progress: Progress = {
    kind: null,
    manifest: null,
    trailer: null,
    members: [],
    mirrorFiles: new Set(),
    mirrors: new Set(),
    lastBlob: '',
    blobs: 0,
    blobNames: createHash('sha256'),
    damaged: new Set(),
    table: { name: '', part: 0 },
  }
  for await (const member of readBackupMembers(path)) {
    await readMember(member, progress, visitor)
  }
  const { manifest, trailer } = progress
  if (manifest === null || trailer === null) {
    throw new InvalidBackup('it has no end; it was cut off.')
  }
  requireAgreement(progress, trailer)
  const hasKey = progress.members.some(({ name }) => name === KEY_NAME)
  return { manifest, trailer, mirrors: progress.mirrors.size, hasKey }
}

async function readMember(member: BackupMember, progress: Progress, visitor: BackupVisitor): Promise<void> {
  const kind = kindOf(member.name)
  requireOrder(kind, member, progress)
  progress.kind = kind
  switch (kind) {
    case 'manifest':
      progress.manifest = await readDocument(member, BackupManifest)
      await visitor.manifest(progress.manifest)
      break
    case 'table':
      await readPart(member, progress, visitor)
      break
    case 'blob':
      await readBlob(member, progress, visitor)
      return
    case 'mirror':
      await readMirrorFile(member, progress, visitor)
      break
    case 'key':
      await visitor.key((await readWholeMember(member, LARGEST_KEY)).toString('latin1').trim())
      break
    case 'trailer':
      progress.trailer = await readDocument(member, BackupTrailer)
      return
  }
  progress.members.push({ name: member.name, sha256: await member.digest() })
}

function kindOf(name: string): Kind {
  if (name === MANIFEST_NAME) {
    return 'manifest'
  }
  if (name === TRAILER_NAME) {
    return 'trailer'
  }
  if (name === KEY_NAME) {
    return 'key'
  }
  if (BLOB.test(name)) {
    return 'blob'
  }
  if (TABLE.test(name)) {
    return 'table'
  }
  if (MIRROR.test(name)) {
    return 'mirror'
  }
  throw new InvalidBackup(`no backup has a member "${name}".`)
}

/** Each kind stands behind the one before it; the single ones stand there once. */
function requireOrder(kind: Kind, { name }: BackupMember, { kind: before, manifest }: Progress): void {
  const rank = ORDER.indexOf(kind)
  const last = before === null ? -1 : ORDER.indexOf(before)
  const isSingle = kind === 'manifest' || kind === 'key' || kind === 'trailer'
  if (rank < last || (isSingle && rank === last) || (kind !== 'manifest' && manifest === null)) {
    throw new InvalidBackup(`the member "${name}" is not in its place.`)
  }
}

async function readDocument<Document>(
  member: BackupMember,
  shape: {
    safeParse(
      value: unknown,
    ): { success: true; data: Document } | { success: false; error: { issues: { path: PropertyKey[]; message: string }[] } }
  },
): Promise<Document> {
  const parsed = shape.safeParse(parseJson(await readWholeMember(member, LARGEST_DOCUMENT), member.name))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new InvalidBackup(`${member.name} is not what this release understands (${issue?.path.join('.')}: ${issue?.message}).`)
  }
  return parsed.data
}

function parseJson(bytes: Buffer, name: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new InvalidBackup(`${name} is not JSON.`)
  }
}

async function readPart(member: BackupMember, progress: Progress, visitor: BackupVisitor): Promise<void> {
  const [, name = '', number = ''] = TABLE.exec(member.name) ?? []
  const tables = progress.manifest?.tables.map((table) => table.name) ?? []
  const { table } = progress
  const isNext = name === table.name ? Number(number) === table.part + 1 : Number(number) === 1
  if (!tables.includes(name) || !isNext || tables.indexOf(name) < tables.indexOf(table.name)) {
    throw new InvalidBackup(`the member "${member.name}" is not in its place.`)
  }
  progress.table = { name, part: Number(number) }
  const text = (await readWholeMember(member, LARGEST_PART)).toString('utf8')
  await visitor.rows({ table: name, lines: text.split('\n').slice(0, -1) })
}

async function readBlob(member: BackupMember, progress: Progress, visitor: BackupVisitor): Promise<void> {
  const sha256 = BLOB.exec(member.name)?.[1] ?? ''
  if (sha256 <= progress.lastBlob) {
    throw new InvalidBackup(`the member "${member.name}" is not in its place.`)
  }
  progress.lastBlob = sha256
  progress.blobs += 1
  progress.blobNames.update(`${sha256}\n`)
  await visitor.blob(sha256, member)
  if ((await member.digest()) !== sha256) {
    progress.damaged.add(sha256)
  }
}

async function readMirrorFile(member: BackupMember, progress: Progress, visitor: BackupVisitor): Promise<void> {
  const [, mirror = '', name = ''] = MIRROR.exec(member.name) ?? []
  if (!isMirrorFile(name) || progress.mirrorFiles.has(member.name)) {
    throw new InvalidBackup(`no mirror in a backup has a file "${name}", or it has it twice.`)
  }
  progress.mirrorFiles.add(member.name)
  progress.mirrors.add(mirror)
  await visitor.mirror(mirror, name, member)
}

function requireAgreement({ members, blobs, blobNames, damaged }: Progress, trailer: BackupTrailer): void {
  for (const [index, { name, sha256 }] of members.entries()) {
    if (trailer.members[index]?.name !== name || trailer.members[index].sha256 !== sha256) {
      throw new InvalidBackup(`the member "${name}" is damaged.`)
    }
  }
  const known = new Set(trailer.lost.flatMap(({ sha256, state }) => (state === 'damaged' ? [sha256] : [])))
  for (const sha256 of damaged) {
    if (!known.has(sha256)) {
      throw new InvalidBackup(`the archive ${sha256} is damaged.`)
    }
  }
  const isSame = trailer.blobs.count === blobs && trailer.blobs.sha256 === blobNames.digest('hex') && known.size === damaged.size
  if (trailer.members.length !== members.length || !isSame) {
    throw new InvalidBackup('members are missing.')
  }
}
