import { expect, test } from 'bun:test'
import { inflateRawSync } from 'node:zlib'
import { createDeflateCache } from './deflate-cache.ts'
import { packContent, storeContent } from './pack-content.ts'
import { packFiles, type ReadBlobs } from './pack-files.ts'
import type { SelectedFile } from './select-files.ts'

test('only blobs that the cache does not hold are read, each in the order of the files', async () => {
  const cache = createDeflateCache(1_000_000)
  const { read, asked } = reader()

  await Array.fromAsync(packFiles([file('a'), file('b')], { read, cache }))
  await Array.fromAsync(packFiles([file('a'), file('c'), file('b'), file('d')], { read, cache }))
  await Array.fromAsync(packFiles([file('a')], { read, cache }))

  expect(asked).toEqual([
    ['a', 'b'],
    ['c', 'd'],
  ])
})

test('a link is stored and read anew even when a file has the same content', async () => {
  const cache = createDeflateCache(1_000_000)
  const { read } = reader()

  const entries = await Array.fromAsync(
    packFiles([file('same'), { ...file('same'), path: 'link', mode: 'symlink' }], { read, cache }),
  )

  expect(entries.map(({ content }) => content.method)).toEqual(['deflated', 'stored'])
})

test('files that are missing or come out of order stop the archive', async () => {
  const cache = createDeflateCache(1_000_000)
  const silent: ReadBlobs = async function* () {}
  const wrong: ReadBlobs = async function* () {
    yield { objectId: 'other', bytes: new Uint8Array(1) }
  }

  await expect(Array.fromAsync(packFiles([file('a')], { read: silent, cache }))).rejects.toThrow('was not read')
  await expect(Array.fromAsync(packFiles([file('a')], { read: wrong, cache }))).rejects.toThrow('was not read')
})

test('the reader is closed when the archive is given up', async () => {
  let closed = false
  const read: ReadBlobs = async function* (ids) {
    try {
      for (const objectId of ids) yield { objectId, bytes: new Uint8Array(1) }
    } finally {
      closed = true
    }
  }

  for await (const entry of packFiles([file('a'), file('b')], { read, cache: createDeflateCache(1000) })) {
    expect(entry.path).toBe('a')
    break
  }

  expect(closed).toBe(true)
})

test('content that deflate does not shrink is stored, other content inflates to itself', async () => {
  const noise = crypto.getRandomValues(new Uint8Array(5000))
  const large = new TextEncoder().encode(Array.from({ length: 100_000 }, (_, index) => `${index * 31}\n`).join(''))

  expect(await packContent(noise)).toEqual({ ...storeContent(noise), method: 'stored' })
  const packed = await packContent(large)
  expect(packed.method).toBe('deflated')
  expect(Buffer.compare(inflateRawSync(packed.bytes), large)).toBe(0)
})

test('the event loop runs while a large file is packed', async () => {
  const large = new Uint8Array(8 * 1024 * 1024).map((_, index) => index % 251)
  let ticks = 0
  const timer = setInterval(() => ticks++, 1)

  await packContent(large)
  clearInterval(timer)

  expect(ticks).toBeGreaterThan(5)
})

test('the cache stays within its bytes and forgets the longest unused content first', () => {
  const cache = createDeflateCache(4000)
  const content = storeContent(new Uint8Array(200))
  for (let index = 0; index < 10; index++) cache.keep(`id${index}`, content)

  expect(cache.find('id0')).not.toBeNull()
  cache.keep('id10', content)

  expect(cache.find('id0')).not.toBeNull()
  expect(cache.find('id1')).toBeNull()
  expect(cache.find('id10')).not.toBeNull()
})

test('content that would take most of the cache is not kept', () => {
  const cache = createDeflateCache(4000)

  cache.keep('large', storeContent(new Uint8Array(1000)))

  expect(cache.find('large')).toBeNull()
})

function file(objectId: string): SelectedFile {
  return { path: objectId, mode: 'file', objectId, size: 1 }
}

function reader() {
  const asked: (readonly string[])[] = []
  const read: ReadBlobs = async function* (ids) {
    asked.push(ids)
    for (const objectId of ids) yield { objectId, bytes: new TextEncoder().encode(objectId.repeat(100)) }
  }
  return { read, asked }
}
