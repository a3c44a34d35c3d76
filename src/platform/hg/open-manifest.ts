import { DomainError } from '../../core/kernel/errors.ts'
import { ByteReader } from '../git/byte-reader.ts'
import type { UpstreamFile, UpstreamTree } from '../git/upstream.ts'
import type { HgServer } from './hg-server.ts'

/** Beyond this many files it is quicker to read all of them than to name each. */
const MOST_NAMED = 500
const NUL = 0
const METADATA = Buffer.from([1, 10])
const LINE = /^([0-9a-f]{40}) \d{3} ([ *@]) (.+)$/
const MODES: Record<string, UpstreamFile['mode']> = { ' ': '100644', '*': '100755', '@': '120000' }

/*
 * `hg cat` reads many files at once, but opens the subrepositories of the changeset, which hg refuses here. Then each file is read by
 * its own id, from the history of the file, where nothing but that file is looked at.
 */

type ReadFile = { file: UpstreamFile; size: number; content: AsyncIterable<Uint8Array> }

/** The files of a changeset. Subrepositories are not part of it. */
export async function openManifest(server: HgServer, node: string): Promise<UpstreamTree> {
  const files: UpstreamFile[] = []
  for (const line of (await server.text(['manifest', '--debug', '--rev', node])).split('\n')) {
    const [, file = '', flag = '', path = ''] = LINE.exec(line) ?? []
    const mode = MODES[flag]
    if (mode !== undefined && path !== '') files.push({ path, mode, key: `${file}/${path}` })
  }
  const hasSubrepositories = files.some(({ path }) => path === '.hgsub' || path === '.hgsubstate')
  return {
    files,
    read: (wanted) => (hasSubrepositories ? readOneByOne(server, wanted) : readFiles(server, node, wanted)),
    close: async () => {},
  }
}

async function* readFiles(
  server: HgServer,
  node: string,
  wanted: readonly UpstreamFile[],
): AsyncGenerator<ReadFile, void, undefined> {
  const byPath = new Map(wanted.map((file) => [file.path, file]))
  const names = wanted.length > MOST_NAMED ? ['path:.'] : wanted.map(({ path }) => `path:${path}`)
  const output = server.run(['cat', '--rev', node, '--template', '{path}\\0{count(data)}\\0{data}', '--', ...names])
  const reader = new ByteReader(output)
  for (let path = await reader.findUntil(NUL); path !== null; path = await reader.findUntil(NUL)) {
    const size = Number((await reader.findUntil(NUL))?.toString('latin1') ?? Number.NaN)
    const bytes = Number.isSafeInteger(size) ? await reader.findBytes(size) : null
    if (bytes === null) throw new DomainError('source_invalid', { problem: 'a file of a changeset cannot be read' })
    const file = byPath.get(path.toString('latin1'))
    if (file !== undefined) yield { file, size, content: single(bytes) }
  }
}

async function* readOneByOne(server: HgServer, wanted: readonly UpstreamFile[]): AsyncGenerator<ReadFile, void, undefined> {
  for (const file of wanted) {
    const parts: Uint8Array[] = []
    for await (const bytes of server.run(['debugdata', '--', file.path, file.key.slice(0, 40)])) parts.push(bytes)
    const content = withoutMetadata(Buffer.concat(parts))
    yield { file, size: content.length, content: single(content) }
  }
}

/** What a file was copied from precedes its contents in its history. */
function withoutMetadata(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, 2).equals(METADATA)) return bytes
  const end = bytes.indexOf(METADATA, 2)
  return end < 0 ? bytes : bytes.subarray(end + 2)
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes
}
