import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import {
  createGitSource,
  memoryReport,
  packageCommit,
  temporaryRepository,
  type GitSource,
} from '../../../test/kit/git-source.ts'
import type { TestFile } from '../../../test/kit/git-repository.ts'
import { getReadme } from '../catalog/index.ts'
import { findOrganization } from '../organizations/index.ts'
import { collectReadmes } from './collect-readmes.ts'
import { getSource, removeSource } from './manage-sources.ts'
import { setManifests } from './set-manifests.ts'
import { syncSource } from './sync-source.ts'

async function sourceWith(files: Record<string, TestFile>): Promise<GitSource> {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({}, files))
  await repository.setRefs({ 'refs/heads/main': commit })
  return createGitSource(repository)
}

async function readmeOf({ app, organization: id }: GitSource, version: string | null = null): Promise<string | null> {
  const organization = (await findOrganization(app.test.database.read, id))!
  return (await getReadme(app.ctx(), { organization, name: 'acme/http', version })).text
}

async function countTexts(app: TestApp): Promise<number> {
  return (await app.test.database.read.selectFrom('readmes').select('id').execute()).length
}

describe('PR-608 the README of a version', () => {
  test.each([
    ['README.md is preferred', { 'README.md': '# A', 'readme.md': '# B', README: 'C' }, '# A'],
    ['readme.md comes before Readme.md', { 'readme.md': '# B', 'Readme.md': '# C' }, '# B'],
    ['README.markdown is read', { 'README.markdown': 'D' }, 'D'],
    ['a README without an ending is read', { README: 'plain' }, 'plain'],
    ['one in a directory is none', { 'docs/README.md': 'no' }, null],
    ['other names are none', { 'README.txt': 'no', 'README.rst': 'no' }, null],
    ['an empty one is empty', { 'README.md': '' }, ''],
    ['512 KiB are read', { 'README.md': 'x'.repeat(512 * 1024) }, 'x'.repeat(512 * 1024)],
    ['more are none, whatever else is there', { 'README.md': 'x'.repeat(512 * 1024 + 1), README: 'no' }, null],
    ['bytes that are no text are none', { 'README.md': new Uint8Array([0xff, 0xfe, 0x00]) }, null],
  ])('%s', async (_, files: Record<string, TestFile>, expected) => {
    expect(await readmeOf(await sourceWith(files))).toBe(expected)
  })

  test('abuse 5: symbolic links, submodules and directories are passed over', async () => {
    const outside = await sourceWith({
      'README.md': { mode: '120000', data: '/etc/passwd' },
      'readme.md': { mode: '160000', data: 'a'.repeat(40) },
      'Readme.md/README.md': 'a directory',
      README: 'the real one',
    })

    expect(await readmeOf(outside)).toBe('the real one')
  })

  test('belongs to its commit, is stored once, and is that of the newest release unless another version is named', async () => {
    const repository = await temporaryRepository()
    const [first = '', second = '', third = ''] = await repository.commit(
      packageCommit({}, { 'README.md': '# One' }),
      packageCommit({}, { 'README.md': '# Two' }),
      packageCommit({ description: 'x' }, { 'README.md': '# Two' }),
    )
    await repository.setRefs({ 'refs/tags/1.0.0': first, 'refs/tags/1.1.0': second, 'refs/heads/main': third })
    const created = await createGitSource(repository)

    expect(await readmeOf(created)).toBe('# Two')
    expect(await readmeOf(created, '1.0.0')).toBe('# One')
    expect(await readmeOf(created, 'dev-main')).toBe('# Two')
    expect(await countTexts(created.app)).toBe(2)
    expect(readmeOf(created, '9.9')).rejects.toMatchObject({ code: 'version_not_found' })
  })

  test('follows a branch that moves, and is collected when nobody has it any more', async () => {
    const created = await sourceWith({ 'README.md': '# Old' })
    const { app, repository, sync } = created
    const [next = ''] = await repository.commit(packageCommit({}, { 'README.md': '# New' }))
    await repository.setRefs({ 'refs/heads/main': next })

    await sync()
    await app.runJobs()
    expect(await readmeOf(created)).toBe('# New')
    expect(await countTexts(app)).toBe(2)
    await collectReadmes(app.ctx(SYSTEM))
    expect(await countTexts(app)).toBe(1)

    await removeSource(app.ctx(), created.source)
    await app.runJobs()
    await collectReadmes(app.ctx(SYSTEM))
    await collectReadmes(app.ctx(SYSTEM))
    expect(await countTexts(app)).toBe(0)
  })

  test('is left out when it cannot be read, the sync goes on, and the next one reads it', async () => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({}, { 'README.md': '# Late' }))
    await repository.setRefs({ 'refs/heads/main': commit })
    const app = await createTestApp({ git: true })
    const works = app.ports.git.findFiles
    app.ports.git.findFiles = () => Promise.reject(new Error('git broke'))
    const created = await createGitSource(repository, app)

    expect(await readmeOf(created)).toBeNull()
    expect(app.warnings.splice(0)).toMatchObject([expect.stringContaining('READMEs could not be read')])

    app.ports.git.findFiles = works
    await created.sync()
    expect(await readmeOf(created)).toBe('# Late')
  })

  test('of many large ones is read in portions, so that a sync stays small', async () => {
    const repository = await temporaryRepository()
    const count = 40
    const commits = await repository.commit(
      ...Array.from({ length: count }, (_, index) =>
        packageCommit({}, { 'README.md': `${index} ${'x'.repeat(500 * 1024)}` }, { committedAt: 1_700_000_000 + index }),
      ),
    )
    await repository.setRefs(Object.fromEntries(commits.map((commit, index) => [`refs/tags/1.${index}.0`, commit])))
    const { app, source } = await createGitSource(repository)

    const first = await countTexts(app)
    await syncSource(app.ctx(SYSTEM), source.id, memoryReport())

    expect(first).toBe(32)
    expect(await countTexts(app)).toBe(count)
  })

  test('is none where a repository has several packages, also when it had one before', async () => {
    const created = await sourceWith({ 'README.md': '# Top' })
    const { app, organization, source } = created
    expect(await readmeOf(created)).toBe('# Top')

    await setManifests(app.ctx(), await getSource(app.ctx(), { organization, uid: source.uid }), ['composer.json'])
    await app.runJobs()

    expect(await readmeOf(created)).toBeNull()
  })

  test('is looked for once: a commit without one is not looked at again', async () => {
    const { app, sync } = await sourceWith({})
    let asked = 0
    const works = app.ports.git.findFiles
    app.ports.git.findFiles = (input) => {
      asked += 1
      return works(input)
    }

    await sync()

    expect(asked).toBe(0)
  })
})
