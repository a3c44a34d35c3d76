import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { packContent } from './pack-content.ts'
import { prefixZip } from './prefix-zip.ts'
import { writeZip, type ZipEntry } from './zip-writer.ts'

async function buildZip(files: Record<string, string>): Promise<Uint8Array> {
  const entries: ZipEntry[] = []
  for (const [path, text] of Object.entries(files)) {
    entries.push({ path, mode: 'file', content: await packContent(Buffer.from(text)) })
  }
  return Buffer.concat(await Array.fromAsync(writeZip(entries, { modifiedAt: 1_700_000_000_000 })))
}

const readerOf = (bytes: Uint8Array) => ({
  size: bytes.length,
  read: async (position: number, length: number) => bytes.subarray(position, position + length),
})

test('GL-136 every entry is below the directory, and the contents are the same', async () => {
  const zip = await buildZip({ 'composer.json': '{}', 'src/a.php': 'a'.repeat(5000), 'src/empty': '' })
  const prefixed = await prefixZip(readerOf(zip), 'http-abc')
  const bytes = (await prefixed?.read(0, prefixed.size)) ?? new Uint8Array()
  const directory = mkdtempSync(join(tmpdir(), 'prefix-'))
  writeFileSync(join(directory, 'a.zip'), bytes)
  const list = Bun.spawnSync(['unzip', '-Z1', join(directory, 'a.zip')]).stdout.toString()
  const tested = Bun.spawnSync(['unzip', '-tq', join(directory, 'a.zip')])
  const content = Bun.spawnSync(['unzip', '-p', join(directory, 'a.zip'), 'http-abc/src/a.php']).stdout.toString()
  rmSync(directory, { recursive: true })

  expect(bytes.length).toBe(prefixed?.size ?? 0)
  expect(tested.exitCode).toBe(0)
  expect(list.trim().split('\n')).toEqual(['http-abc/composer.json', 'http-abc/src/a.php', 'http-abc/src/empty'])
  expect(content).toBe('a'.repeat(5000))
})

test('parts of it are those of the whole, wherever they begin and end', async () => {
  const prefixed = await prefixZip(readerOf(await buildZip({ 'composer.json': '{}', 'src/a.php': 'abc'.repeat(300) })), 'x-1')
  const whole = (await prefixed?.read(0, prefixed.size)) ?? new Uint8Array()

  for (let start = 0; start < whole.length; start += 7) {
    for (const length of [1, 13, 200, whole.length]) {
      expect(await prefixed?.read(start, length)).toEqual(whole.slice(start, start + length))
    }
  }
})

test('what is no zip, or a broken one, is not changed', async () => {
  const zip = await buildZip({ a: 'b' })

  expect(await prefixZip(readerOf(new Uint8Array(100)), 'x')).toBeNull()
  expect(await prefixZip(readerOf(new Uint8Array()), 'x')).toBeNull()
  expect(await prefixZip(readerOf(zip.slice(10)), 'x')).toBeNull()
})
