/** Packages in Subversion and Mercurial, installed by the real Composer from archives and from their repositories. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHgRepository, type HgTestRepository } from '../kit/hg-repository.ts'
import { createSvnRepository, type SvnTestRepository } from '../kit/svn-repository.ts'
import { createProject } from './kit/composer.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string
let svn: SvnTestRepository
let hg: HgTestRepository

function manifestOf(name: string): string {
  return JSON.stringify({ name, description: name, license: 'MIT' })
}

beforeAll(async () => {
  registry = await startRegistry()
  await registry.cli('org', 'create', 'acme')
  token = await registry.token('acme')
  svn = await createSvnRepository()
  await svn.commit({ 'trunk/composer.json': manifestOf('acme/in-svn'), 'trunk/CONTENT': 'svn 1.0.0' })
  await svn.copy('trunk', 'tags/1.0.0')
  await svn.commit({ 'trunk/CONTENT': 'svn trunk' })
  hg = await createHgRepository()
  await hg.commit({ 'composer.json': manifestOf('acme/in-hg'), CONTENT: 'hg 1.0.0' })
  await hg.hg('tag', '1.0.0')
  await hg.commit({ CONTENT: 'hg default' })
  await registry.cli('source', 'add', 'acme', svn.url, '--vcs', 'svn')
  await registry.cli('source', 'add', 'acme', hg.url, '--vcs', 'hg')
  await registry.settle()
}, 60_000)
afterAll(async () => {
  await registry.end()
  await svn.remove()
  await hg.remove()
}, 20_000)

const RELEASES = { 'acme/in-svn': '^1.0', 'acme/in-hg': '^1.0' }

describe('packages in Subversion and Mercurial', () => {
  test('CO-070 are installed from archives, and again from the lock file', async () => {
    const project = createProject(registry, { token, require: RELEASES })

    await project.succeed(['update'])
    project.removeVendor()
    project.clearCache()
    await project.succeed(['install'])

    expect(project.installed()).toEqual({ 'acme/in-svn': '1.0.0', 'acme/in-hg': '1.0.0' })
    expect(project.read('vendor/acme/in-svn/CONTENT')).toBe('svn 1.0.0')
    expect(project.read('vendor/acme/in-hg/CONTENT')).toBe('hg 1.0.0')
  })

  test('CO-074 the default branches are trunk and default', async () => {
    const project = createProject(registry, { token, require: { 'acme/in-svn': 'dev-trunk', 'acme/in-hg': 'dev-default' } })

    await project.succeed(['update'])

    expect(project.read('vendor/acme/in-svn/CONTENT')).toBe('svn trunk')
    expect(project.read('vendor/acme/in-hg/CONTENT')).toBe('hg default')
  })

  test('CO-038 with --prefer-source Composer checks them out of their own repositories', async () => {
    const project = createProject(registry, { token, require: RELEASES })

    await project.succeed(['update', '--prefer-source'])

    expect(project.read('vendor/acme/in-svn/CONTENT')).toBe('svn 1.0.0')
    expect(project.read('vendor/acme/in-hg/CONTENT')).toBe('hg 1.0.0')
    expect(project.read('vendor/acme/in-svn/.svn/wc.db')).not.toBeNull()
    expect(project.read('vendor/acme/in-hg/.hg/requires')).not.toBeNull()
    const node = (await hg.hg('log', '-r', '1.0.0', '-T', '{node}')).trim()
    expect(Object.fromEntries(project.locked().map(({ name, source }) => [name, source]))).toMatchObject({
      'acme/in-svn': { type: 'svn', url: svn.url, reference: '/tags/1.0.0/@3' },
      'acme/in-hg': { type: 'hg', url: hg.url, reference: node },
    })
  })

  test('a release that is tagged later arrives with the next sync', async () => {
    await svn.copy('trunk', 'tags/1.1.0')
    await hg.hg('tag', '1.1.0')
    await registry.cli('source', 'sync', 'acme', svn.url)
    await registry.cli('source', 'sync', 'acme', hg.url)
    await registry.settle()
    const project = createProject(registry, { token, require: RELEASES })

    await project.succeed(['update'])

    expect(project.installed()).toEqual({ 'acme/in-svn': '1.1.0', 'acme/in-hg': '1.1.0' })
    expect(registry.problems).toEqual([])
  })
})
