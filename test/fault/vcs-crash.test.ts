import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { VcsSystem } from '../../src/core/kernel/source-url.ts'
import { createGitKit, type GitKit } from '../kit/git-kit.ts'
import { createHgRepository, type HgTestRepository } from '../kit/hg-repository.ts'
import { createSvnRepository, type SvnTestRepository } from '../kit/svn-repository.ts'

const MANIFEST = JSON.stringify({ name: 'acme/crash' })

let kit: GitKit
let svn: SvnTestRepository
let hg: HgTestRepository

beforeEach(async () => {
  kit = await createGitKit()
  svn = await createSvnRepository()
  await svn.commit({ 'trunk/composer.json': MANIFEST })
  for (const tag of ['1.0', '1.1', '1.2']) await svn.copy('trunk', `tags/${tag}`)
  hg = await createHgRepository()
  for (const tag of ['1.0', '1.1', '1.2']) {
    await hg.commit({ 'composer.json': MANIFEST, version: tag })
    await hg.hg('tag', tag)
  }
})

afterEach(async () => {
  await kit.dispose()
  await svn.remove()
  await hg.remove()
})

/** Fetches in another process, which is killed when it has written `states` states of those that are new. */
async function fetchAndDie(vcs: VcsSystem, url: string, states: number): Promise<void> {
  const module = (path: string): string => JSON.stringify(join(import.meta.dir, '../../src/platform', path))
  const script = `import { createGit } from ${module('git/create-git.ts')}
import { createEgress } from ${module('http/egress.ts')}
const log = { debug() {}, info() {}, warn() {}, error() {}, with: () => log }
const git = await createGit({ root: ${JSON.stringify(kit.root)}, temporary: ${JSON.stringify(kit.temporary)}, log,
  policy: { allowFile: true, allowHttp: true }, egress: createEgress({ allow: ['127.0.0.1'] }),
  secrets: { encrypt: (text) => text, decrypt: (text) => text, redact() {} } })
await git.fetch({ mirror: 'one', vcs: '${vcs}', url: ${JSON.stringify(url)}, credential: null,
  onProgress({ phase, done }) { if (phase === 'importing' && done === ${states}) process.kill(process.pid, 'SIGKILL') },
  limits: { bytes: 1e9, objects: 1e6, stall: 60_000, duration: 60_000 } })`
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'ignore', stderr: 'inherit' })
  await child.exited
  expect(child.signalCode).toBe('SIGKILL')
}

async function refsOf(): Promise<string[]> {
  return (await kit.git.listRefs('one', 100)).refs.map(({ name }) => name)
}

/** A start of the port removes the private files of the dead process. */
async function sweep(): Promise<void> {
  const next = await createGitKit(undefined, kit.temporary)
  expect(await readdir(kit.temporary)).toEqual([])
  await next.git.close()
  await rm(next.root, { recursive: true })
}

async function expectClean(): Promise<void> {
  const names = await readdir(join(kit.root, 'one'))
  expect(names.filter((name) => name.endsWith('.new') || name.endsWith('.lock') || name.startsWith('fast_import'))).toEqual([])
  expect([...new Bun.Glob('**/tmp_*').scanSync(kit.root)]).toEqual([])
}

describe('abuse 53: a process that is killed while it imports', () => {
  test('from Subversion leaves no mirror that was not there, or the old one, and the next fetch completes it', async () => {
    await fetchAndDie('svn', svn.url, 2)
    expect(await readdir(kit.root)).toEqual(['.new-one'])
    await kit.fetch(svn.url, { vcs: 'svn' })
    expect(await refsOf()).toEqual(['trunk', '1.0', '1.1', '1.2'])

    await svn.commit({ 'trunk/more': 'm' })
    await svn.copy('trunk', 'tags/2.0')
    await fetchAndDie('svn', svn.url, 1)
    expect(await refsOf()).toEqual(['trunk', '1.0', '1.1', '1.2'])
    await kit.fetch(svn.url, { vcs: 'svn' })

    expect(await refsOf()).toEqual(['trunk', '1.0', '1.1', '1.2', '2.0'])
    await expectClean()
    await sweep()
  }, 60_000)

  test('from Mercurial leaves no mirror that was not there, or the old one, and the next fetch completes it', async () => {
    await fetchAndDie('hg', hg.url, 2)
    expect(await readdir(kit.root)).toEqual(['.new-one'])
    await kit.fetch(hg.url, { vcs: 'hg' })
    expect(await refsOf()).toEqual(['default', '1.0', '1.1', '1.2'])

    await hg.commit({ more: 'm' })
    await hg.hg('tag', '2.0')
    await fetchAndDie('hg', hg.url, 1)
    expect(await refsOf()).toEqual(['default', '1.0', '1.1', '1.2'])
    await kit.fetch(hg.url, { vcs: 'hg' })

    expect(await refsOf()).toEqual(['default', '1.0', '1.1', '1.2', '2.0'])
    await expectClean()
    await sweep()
  }, 60_000)
})

describe('abuse 53: a Mercurial history that a killed pull or a bad disk left broken', () => {
  const broken: [string, (store: string) => Promise<void>][] = [
    [
      'a journal and locks',
      async (store) => {
        await writeFile(join(store, 'journal'), '00changelog.i\x000\n')
        await writeFile(join(store, 'lock'), 'elsewhere:1')
        await writeFile(join(store, '../wlock'), 'elsewhere:1')
      },
    ],
    [
      'locks alone',
      async (store) => {
        await writeFile(join(store, 'lock'), 'elsewhere:1')
        await writeFile(join(store, '../wlock'), 'elsewhere:1')
      },
    ],
    [
      'half an init',
      async (store) => {
        await rm(join(store, '..'), { recursive: true })
        await mkdir(join(store, '..'), { recursive: true })
      },
    ],
    ['a truncated changelog', (store) => truncate(join(store, '00changelog.i'), 30)],
    ['a truncated manifest', (store) => truncate(join(store, '00manifest.i'), 30)],
  ]

  test.each(broken)('%s does not stop the next fetch', async (_, breakIt) => {
    await kit.fetch(hg.url, { vcs: 'hg' })
    await hg.commit({ more: 'm' })
    await hg.hg('tag', '2.0')

    await breakIt(join(kit.root, 'one/hg/.hg/store'))
    await kit.fetch(hg.url, { vcs: 'hg' })

    expect(await refsOf()).toEqual(['default', '1.0', '1.1', '1.2', '2.0'])
  })
})
