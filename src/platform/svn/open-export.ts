import { lstat, open, readdir, readlink, rm } from 'node:fs/promises'
import type { UpstreamFile, UpstreamTree } from '../git/upstream.ts'

interface ExportedFile extends UpstreamFile {
  place: Buffer
  size: number
}

const SEPARATOR = Buffer.from('/')
const PORTION = 1_048_576

/** The files of an exported directory, which is removed by `close`. Links are not followed, directories without files are left out. */
export async function openExport(directory: string): Promise<UpstreamTree> {
  const files: ExportedFile[] = []
  await collect({ place: Buffer.from(directory), path: '' }, directory, files)
  return {
    files,
    read: (wanted) => readFiles(wanted as readonly ExportedFile[]),
    close: () => rm(directory, { recursive: true, force: true }),
  }
}

async function collect(at: { place: Buffer; path: string }, exported: string, files: ExportedFile[]): Promise<void> {
  for (const name of await readdir(at.place, { encoding: 'buffer' })) {
    const place = Buffer.concat([at.place, SEPARATOR, name])
    const path = at.path === '' ? name.toString('latin1') : `${at.path}/${name.toString('latin1')}`
    const found = await lstat(place)
    if (found.isDirectory()) {
      await collect({ place, path }, exported, files)
      continue
    }
    const key = `${exported}/${path}`
    if (found.isSymbolicLink()) files.push({ path, mode: '120000', key, place, size: (await readTarget(place)).length })
    else if (found.isFile())
      files.push({ path, mode: (found.mode & 0o100) === 0 ? '100644' : '100755', key, place, size: found.size })
  }
}

async function* readFiles(files: readonly ExportedFile[]): ReturnType<UpstreamTree['read']> & AsyncGenerator {
  for (const file of files) {
    yield { file, size: file.size, content: readContent(file) }
  }
}

/** Exactly as many bytes as were announced, or too few: then the program that reads them refuses the rest. */
async function* readContent({ place, mode, size }: ExportedFile): AsyncGenerator<Uint8Array, void, undefined> {
  if (mode === '120000') {
    yield await readTarget(place)
    return
  }
  const handle = await open(place)
  try {
    let left = size
    while (left > 0) {
      const buffer = Buffer.allocUnsafe(Math.min(left, PORTION))
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null)
      if (bytesRead === 0) return
      left -= bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}

function readTarget(place: Buffer): Promise<Buffer> {
  return readlink(place, { encoding: 'buffer' })
}
