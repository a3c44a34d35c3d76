/** Archives of mirrored packages go through to storage in pieces, however large they are. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { scratchDirectory } from '../kit/database.ts'
import { temporaryUpstream } from '../kit/upstream-server.ts'

const CHILD = join(import.meta.dir, 'archive-stream-child.ts')
const MEGABYTE = 1024 * 1024
const ARCHIVES = 16
const SIZE = 32 * MEGABYTE
/** It is the same for twice as many; what the runtime has not given back yet is in it. */
const MOST_GROWTH = 250

let data: string
beforeEach(() => {
  data = scratchDirectory('stream')
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

test('half a gigabyte of archives streams through in bounded memory', async () => {
  const name = 'vendor/big'
  const versions = Array.from({ length: ARCHIVES }, (_, index) => ({ version: `1.${index}.0`, bytes: SIZE }))
  const upstream = await temporaryUpstream({ packages: { [name]: versions } })

  const child = Bun.spawn([process.execPath, CHILD, data, upstream.url, name], { stdout: 'pipe', stderr: 'inherit' })
  const printed = await child.stdout.text()
  expect(await child.exited).toBe(0)
  const report = JSON.parse(printed) as { found: string; archives: number; bytes: number; grownMegabytes: number }

  expect(report).toMatchObject({ found: name, archives: ARCHIVES })
  expect(report.bytes).toBeGreaterThan(ARCHIVES * SIZE)
  expect(report.grownMegabytes).toBeLessThan(MOST_GROWTH)
}, 60_000)
