/** Abuse 7 and 8: repositories with more tags, or more bytes, than anybody needs. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { scratchDirectory } from '../kit/database.ts'
import { temporaryRepository } from '../kit/git-source.ts'
import type { TestRepository } from '../kit/git-repository.ts'

const CHILD = join(import.meta.dir, 'large-child.ts')
const TAGS = 100_000
/** Less than 100 MB of it is in use at any time; the rest the runtime has not given back yet, the more the larger the machine. */
const PEAK_MEGABYTES = 700

let data: string
beforeEach(() => {
  data = scratchDirectory('large')
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

interface Report {
  source: { uid: string; state: string; code: string | null; problem: string | null }
  versions: number
  refs: number
  packages: number
  jobs: { kind: string; state: string; code: string | null }[]
  mirrorBytes: number
  steps: Record<string, number>
  peakMegabytes: number
}

async function sync(url: string, settings: Record<string, string> = {}): Promise<Report> {
  const child = Bun.spawn([process.execPath, CHILD, data, url, JSON.stringify(settings)], { stdout: 'pipe', stderr: 'inherit' })
  const printed = await child.stdout.text()
  expect(await child.exited).toBe(0)
  return JSON.parse(printed) as Report
}

/** Tags on commits of their own, one manifest for every hundred of them. Refs are written at once: as files they would take minutes. */
async function importTags(repository: TestRepository, count: number): Promise<void> {
  const parts: string[] = []
  for (let tag = 0; tag < count; tag += 1) {
    const manifest = JSON.stringify({
      name: 'acme/http',
      description: `generation ${Math.floor(tag / 100)}`,
      require: { php: '>=8.2' },
    })
    parts.push(
      `commit refs/heads/main\nmark :${tag + 1}\ncommitter C O Mitter <committer@example.org> ${1_500_000_000 + tag} +0000\ndata 0\n`,
      `M 100644 inline composer.json\ndata ${manifest.length}\n${manifest}\n\n`,
    )
  }
  const marks = join(repository.directory, 'marks')
  await repository.git(['fast-import', '--quiet', `--export-marks=${marks}`], parts.join(''))
  const lines = readFileSync(marks, 'utf8').trim().split('\n')
  const refs = lines.map((line) => {
    const [mark = '', id = ''] = line.slice(1).split(' ')
    const tag = Number(mark) - 1
    return `${id} refs/tags/v${Math.floor(tag / 10_000)}.${Math.floor(tag / 100) % 100}.${tag % 100}`
  })
  writeFileSync(join(repository.directory, 'packed-refs'), `${refs.join('\n')}\n`)
}

test('abuse 7: a hundred thousand tags become versions in bounded memory', async () => {
  const repository = await temporaryRepository()
  await importTags(repository, TAGS)

  const report = await sync(repository.url)

  expect(report).toMatchObject({ source: { state: 'ready', code: null }, versions: TAGS + 1, refs: TAGS + 1, packages: 1 })
  expect(report.peakMegabytes).toBeLessThan(PEAK_MEGABYTES)
}, 120_000)

test('abuse 7: of a repository with one ref more than the limit nothing is published', async () => {
  const repository = await temporaryRepository()
  await importTags(repository, 1_000)

  const report = await sync(repository.url, { REPERTOIRE_SOURCE_REFS: '1000' })

  expect(report).toMatchObject({
    source: {
      state: 'failing',
      code: 'source_too_large',
      problem: 'The repository is over the limit of 1000 branches and tags.',
    },
    versions: 0,
    packages: 0,
    refs: 0,
  })
  expect(report.jobs[0]).toMatchObject({ kind: 'source.sync', code: 'source_too_large' })
})

test('abuse 8: a repository over the limit of bytes fails the sync, and its bytes are given back', async () => {
  const repository = await temporaryRepository()
  const noise = Buffer.concat(Array.from({ length: 64 }, () => crypto.getRandomValues(Buffer.alloc(65_536))))
  const [commit = ''] = await repository.commit({ files: { 'composer.json': '{"name":"acme/http"}', noise } })
  await repository.setRefs({ 'refs/heads/main': commit })

  const report = await sync(repository.url, { REPERTOIRE_SOURCE_MB: '1' })

  expect(report).toMatchObject({
    source: { state: 'failing', code: 'source_too_large', problem: 'The repository is over the limit of 1048576 bytes.' },
    versions: 0,
    packages: 0,
    mirrorBytes: 0,
  })
  expect(readdirSync(join(data, 'git')).filter((name) => name !== '.known_hosts')).toEqual([])
})
