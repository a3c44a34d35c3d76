/** Backups put together member by member, so that a test can change one thing in an otherwise honest one. */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { BackupTrailer } from '../../src/backup/backup-documents.ts'
import { readBackupMembers } from '../../src/platform/backup/backup-reader.ts'
import { TAR_END, tarHeader, tarPadding } from '../../src/platform/backup/tar-member.ts'

export interface Member {
  name: string
  bytes: Buffer
  /** Changes the header before its checksum is computed. */
  header?: (header: Buffer) => void
}

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

export async function readMembers(path: string): Promise<Member[]> {
  const members: Member[] = []
  for await (const member of readBackupMembers(path)) {
    members.push({ name: member.name, bytes: Buffer.concat(await Array.fromAsync(member.content())) })
  }
  return members
}

/** Writes a backup of these members with a trailer that agrees with them but for what is given. */
export function writeBackup(path: string, members: readonly Member[], trailer: Partial<BackupTrailer> = {}): void {
  const content = members.filter(({ name }) => name !== 'trailer.json')
  const blobs = content.filter(({ name }) => name.startsWith('blobs/')).map(({ name }) => name.slice('blobs/'.length))
  const document: BackupTrailer = {
    members: content.filter(({ name }) => !name.startsWith('blobs/')).map(({ name, bytes }) => ({ name, sha256: sha256(bytes) })),
    blobs: { count: blobs.length, sha256: sha256(blobs.map((name) => `${name}\n`).join('')) },
    lost: [],
    ...trailer,
  }
  const all = [...content, { name: 'trailer.json', bytes: Buffer.from(JSON.stringify(document)) }]
  writeFileSync(path, Buffer.concat([...all.flatMap(toTar), TAR_END]))
}

function toTar({ name, bytes, header: change }: Member): Uint8Array[] {
  const header = Buffer.from(tarHeader('x', bytes.length))
  header.fill(0, 0, 100)
  header.write(name, 0, 'latin1')
  change?.(header)
  header.write('        ', 148, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return [header, bytes, new Uint8Array(tarPadding(bytes.length))]
}
