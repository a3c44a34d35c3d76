import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createGitKit, type GitKit } from '../kit/git-kit.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { type GitServer, startGitServer } from '../kit/git-server.ts'

let kit: GitKit
let source: TestRepository
let server: GitServer

beforeEach(async () => {
  kit = await createGitKit()
  source = await createTestRepository()
  server = await startGitServer(source.directory)
  await addTag('v1')
})

afterEach(async () => {
  await server.stop()
  await kit.dispose()
  await source.remove()
})

function noise(): Buffer {
  return Buffer.concat(Array.from({ length: 5 }, () => crypto.getRandomValues(new Uint8Array(65_536))))
}

async function addTag(name: string): Promise<void> {
  const [commit = ''] = await source.commit({ files: { noise: noise() } })
  await source.setRefs({ [`refs/tags/${name}`]: commit })
}

async function tagsOf(): Promise<string[]> {
  return (await kit.git.listRefs('one', 100)).refs.map((ref) => ref.name)
}

/** Fetches in another process, which is killed when the first part of the pack is on disk. */
async function fetchAndDie(directory: string): Promise<void> {
  const module = (path: string): string => JSON.stringify(join(import.meta.dir, '../../src/platform', path))
  const script = `import { createGit } from ${module('git/create-git.ts')}
import { createEgress } from ${module('http/egress.ts')}
const log = { debug() {}, info() {}, warn() {}, error() {}, with: () => log }
const git = await createGit({ root: ${JSON.stringify(kit.root)}, temporary: ${JSON.stringify(kit.temporary)}, log,
  policy: { allowFile: true, allowHttp: true }, egress: createEgress({ allow: ['127.0.0.1'] }),
  secrets: { encrypt: (text) => text, decrypt: (text) => text, redact() {} } })
await git.fetch({ mirror: 'one', url: ${JSON.stringify(server.url)}, credential: null, onProgress() {},
  limits: { bytes: 1e9, objects: 1e6, stall: 60_000, duration: 60_000 } })`
  // Git takes portions of up to 64 kB; the first must be complete for a pack to appear.
  server.behaviour.after = 150_000
  const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'ignore', stderr: 'inherit' })
  const hasTemporaryPack = async (): Promise<boolean> => {
    const names = await readdir(join(directory, 'objects/pack')).catch((): string[] => [])
    return names.some((name) => name.startsWith('tmp_pack'))
  }
  for (let attempt = 0; attempt < 200 && !(await hasTemporaryPack()); attempt += 1) await Bun.sleep(25)
  expect(await hasTemporaryPack()).toBe(true)
  child.kill('SIGKILL')
  await child.exited
  server.behaviour.after = null
}

function gitProcessesOn(directory: string): number {
  const listed = Bun.spawnSync(['ps', '-eo', 'args=']).stdout.toString()
  return listed.split('\n').filter((line) => line.includes(directory) && line.startsWith('git ')).length
}

describe('abuse 53: a process that is killed while it fetches', () => {
  test('leaves no mirror behind that was not there before, and the next fetch builds it', async () => {
    await fetchAndDie(join(kit.root, '.new-one'))

    expect(await readdir(kit.root)).toEqual(['.new-one'])
    for (let attempt = 0; attempt < 100 && gitProcessesOn(kit.root) > 0; attempt += 1) await Bun.sleep(50)
    expect(gitProcessesOn(kit.root)).toBe(0)

    await kit.fetch(server.url)
    expect(await tagsOf()).toEqual(['v1'])
    expect(await readdir(kit.root)).toEqual(['one'])
    await sweep()
  })

  test('leaves an existing mirror as it was, and the next fetch removes the remains', async () => {
    await kit.fetch(server.url)
    const before = await kit.git.size('one')
    await addTag('v2')

    await fetchAndDie(join(kit.root, 'one'))

    expect(await tagsOf()).toEqual(['v1'])
    expect(await kit.git.size('one')).toBeGreaterThan(before)
    await kit.fetch(server.url)
    expect(await tagsOf()).toEqual(['v1', 'v2'])
    expect([...new Bun.Glob('**/tmp_*').scanSync(kit.root)]).toEqual([])
    await sweep()
  })

  test('locks and half-written files of an interrupted fetch do not stop the next one', async () => {
    await kit.fetch(source.url)
    await addTag('v2')
    const mirror = join(kit.root, 'one')
    for (const name of [
      'packed-refs.new',
      'packed-refs.lock',
      'shallow.lock',
      'objects/pack/tmp_idx_x',
      'objects/pack/pack-0.keep',
    ]) {
      await writeFile(join(mirror, name), 'half')
    }
    await mkdir(join(kit.root, '.new-one'))

    await kit.fetch(source.url)

    expect(await tagsOf()).toEqual(['v1', 'v2'])
    expect((await readdir(mirror)).filter((name) => /lock|new/.test(name))).toEqual([])
  })
})

/** A start of the port removes the private files of the dead process. */
async function sweep(): Promise<void> {
  expect(await readdir(kit.temporary)).toHaveLength(1)
  const next = await createGitKit(undefined, kit.temporary)
  expect(await readdir(kit.temporary)).toEqual([])
  await next.git.close()
  await rm(next.root, { recursive: true })
}
