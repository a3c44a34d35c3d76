import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import type { TestCommit, TestFile, TestRepository } from '../../../test/kit/git-repository.ts'
import { memoryReport, temporaryRepository } from '../../../test/kit/git-source.ts'
import { createDeflateCache } from '../../composer/index.ts'
import { describePackage, getAudience } from '../catalog/index.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { findDist, findPackage } from '../packages/index.ts'
import { addSource } from './add-source.ts'
import { buildArchive } from './build-archive.ts'
import { getSource, listSkippedRefs } from './manage-sources.ts'
import { setManifests } from './set-manifests.ts'
import type { Source } from './sources.sql.ts'
import { syncSource } from './sync-source.ts'

const GLOBS = ['packages/*/composer.json']

/** A commit whose packages lie in `packages/<directory>`, each with its manifest and a file that says what it is. */
function monorepo(
  packages: Readonly<Record<string, Record<string, unknown> | string>>,
  files: Readonly<Record<string, TestFile>> = {},
  rest: Partial<TestCommit> = {},
): TestCommit {
  const all: Record<string, TestFile> = { 'composer.json': '{"name":"acme/monorepo"}', ...files }
  for (const [directory, manifest] of Object.entries(packages)) {
    const text = typeof manifest === 'string' ? manifest : JSON.stringify({ name: `acme/${directory}`, ...manifest })
    all[`packages/${directory}/composer.json`] = text
    all[`packages/${directory}/CONTENT`] = directory
  }
  return { files: all, ...rest }
}

interface Monorepo {
  app: TestApp
  organization: OrganizationId
  source: Source
  repository: TestRepository
  sync(): Promise<string[]>
  versions(name: string): Promise<string[]>
  metadata(name: string): Promise<Record<string, unknown>[]>
  /** Paths in the archive of a package at a commit. */
  archive(name: string, commit: string): Promise<string[]>
}

async function createMonorepo(repository: TestRepository, manifests: readonly string[] = GLOBS): Promise<Monorepo> {
  const app = await createTestApp({ git: true })
  const { id: organization } = await app.organization()
  const { source } = await addSource(app.ctx(), { organization, url: repository.url, credential: null, manifests })
  await app.runJobs()
  const metadata: Monorepo['metadata'] = async (name) => {
    const audience = await getAudience(app.ctx(SYSTEM), 'acme')
    return (await describePackage(app.ctx(), audience, { name, repositoryUrl: 'https://r/acme' })).versions
  }
  return {
    app,
    organization,
    source,
    repository,
    async sync() {
      const report = memoryReport()
      await syncSource(app.ctx(SYSTEM), source.id, report)
      await app.runJobs()
      return report.lines
    },
    metadata,
    versions: async (name) => (await metadata(name)).map(({ version }) => String(version)),
    async archive(name, commit) {
      const target = await findPackage(app.ports.database.read, organization, name)
      const tools = { report: memoryReport(), cache: createDeflateCache(1_000_000) }
      await buildArchive(app.ctx(SYSTEM), { package: target!.id, reference: commit }, tools)
      const dist = await findDist(app.ports.database.read, target!.id, commit)
      const location = await app.blobs.locate(dist?.sha256 ?? '')
      return listZip(location?.kind === 'bytes' ? location.bytes : new Uint8Array(0))
    },
  }
}

function listZip(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes)
  const names: string[] = []
  for (let at = buffer.indexOf('PK\u0001\u0002'); at >= 0; at = buffer.indexOf('PK\u0001\u0002', at + 1)) {
    names.push(buffer.toString('utf8', at + 46, at + 46 + buffer.readUInt16LE(at + 28)))
  }
  return names
}

describe('a repository with several packages', () => {
  test('CM-311 publishes every package at the versions of the refs that have it, from its own directory', async () => {
    const repository = await temporaryRepository()
    const [first = '', second = ''] = await repository.commit(
      monorepo({ http: { require: { 'acme/log': 'self.version' } }, log: {} }),
      monorepo({ http: {}, cache: { extra: { 'branch-alias': { 'dev-main': '2.x-dev' } } } }),
    )
    await repository.setRefs({ 'refs/tags/v1.0.0': first, 'refs/tags/1.1.0': second, 'refs/heads/main': second })
    const made = await createMonorepo(repository)

    expect(await made.versions('acme/http')).toEqual(['dev-main', '1.1.0', 'v1.0.0'])
    expect(await made.versions('acme/log')).toEqual(['v1.0.0'])
    expect(await made.versions('acme/cache')).toEqual(['dev-main', '1.1.0'])
    await expect(made.versions('acme/monorepo')).rejects.toMatchObject({ code: 'package_not_found' })
    const [main, , release] = await made.metadata('acme/http')
    expect(main).toMatchObject({ 'default-branch': true, dist: { reference: second } })
    expect(release).toMatchObject({ require: { 'acme/log': 'self.version' }, dist: { reference: first } })
    expect(release).not.toHaveProperty('source')
    expect(await made.archive('acme/http', first)).toEqual(['CONTENT', 'composer.json'])
    expect(await listSkippedRefs(made.app.ctx(), made.source)).toEqual([])
  })

  test('reads nothing again while no ref moves, and follows what appears, moves, changes its name and vanishes', async () => {
    const repository = await temporaryRepository()
    const [first = '', second = '', third = ''] = await repository.commit(
      monorepo({ http: {}, log: {} }),
      monorepo({ http: {} }, { 'packages/moved/composer.json': '{"name":"acme/log"}', 'packages/moved/MOVED': '' }),
      monorepo({ http: { name: 'acme/client' } }),
    )
    await repository.setRefs({ 'refs/tags/1.0.0': first, 'refs/heads/main': second })
    const made = await createMonorepo(repository)
    expect(await made.archive('acme/log', second)).toEqual(['MOVED', 'composer.json'])
    expect(await made.archive('acme/log', first)).toEqual(['CONTENT', 'composer.json'])
    const { findFiles } = made.app.ports.git
    const asked: number[] = []
    made.app.ports.git.findFiles = (input) => {
      asked.push(input.commits.length)
      return findFiles(input)
    }
    await made.sync()
    expect(asked).toEqual([0])

    await repository.setRefs({ 'refs/heads/main': third })
    await made.sync()
    expect(asked[1]).toBe(1)
    expect(await made.versions('acme/http')).toEqual(['1.0.0'])
    expect(await made.versions('acme/log')).toEqual(['1.0.0'])
    expect(await made.versions('acme/client')).toEqual(['dev-main'])
    const trees = await made.app.test.database.read.selectFrom('source_trees').select('commit_id').execute()
    expect(trees.map(({ commit_id }) => commit_id).sort()).toEqual([first, third].sort())
    expect(await made.archive('acme/log', second)).toEqual(['MOVED', 'composer.json'])
  })

  test('skips what cannot be published of one package and goes on with the others', async () => {
    const repository = await temporaryRepository()
    const [commit = '', none = ''] = await repository.commit(
      monorepo(
        { http: {}, broken: '{', nameless: { name: null }, bad: { name: 'no vendor' }, versioned: { version: '9.0.0' } },
        {
          'packages/one/composer.json': '{"name":"acme/same"}',
          'packages/two/composer.json': '{"name":"Acme/Same"}',
          'packages/link/composer.json': { mode: '120000', data: '../../composer.json' },
        },
      ),
      { files: { 'composer.json': '{"name":"acme/monorepo"}' } },
    )
    await repository.setRefs({ 'refs/tags/1.0.0': commit, 'refs/heads/main': none, 'refs/tags/nightly': commit })
    const made = await createMonorepo(repository)
    const skipped = await listSkippedRefs(made.app.ctx(), made.source)

    expect(await made.versions('acme/http')).toEqual(['1.0.0'])
    expect(skipped.map(({ name, code }) => [name, code])).toEqual([
      ['1.0.0', 'packages'],
      ['nightly', 'packages'],
      ['main', 'no-manifest'],
    ])
    const reason = skipped[0]?.reason ?? ''
    expect(reason).toContain('packages/broken/composer.json: composer.json is not valid JSON')
    expect(reason).toContain('packages/nameless/composer.json: it has no name')
    expect(reason).toContain('packages/link/composer.json: it is a symbolic link')
    expect(reason).toContain('packages/two/composer.json: acme/same is also the name in packages/one/composer.json')
    expect(reason).toContain('packages/versioned/composer.json: tag (1.0.0.0) does not match version (9.0.0.0)')
    const lines = (await made.sync()).join('\n')
    expect(lines).toContain('Not every package was imported of tag 1.0.0: packages/')
    expect(lines).toContain('versioned')
    await expect(made.versions('acme/same')).rejects.toMatchObject({ code: 'package_not_found' })
  })

  test('leaves a name that another source publishes alone and goes on with the others', async () => {
    const single = await temporaryRepository()
    const [own = ''] = await single.commit({ files: { 'composer.json': '{"name":"acme/log"}' } })
    await single.setRefs({ 'refs/tags/3.0.0': own })
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(monorepo({ http: {}, log: {} }))
    await repository.setRefs({ 'refs/tags/1.0.0': commit })
    const made = await createMonorepo(single, ['composer.json'])
    const { source } = await addSource(made.app.ctx(), {
      organization: made.organization,
      url: repository.url,
      credential: null,
      manifests: GLOBS,
    })
    await made.app.runJobs()
    const report = memoryReport()
    await syncSource(made.app.ctx(SYSTEM), source.id, report)

    expect(report.lines).toContain(
      'error: The package acme/log is published from another source of this organization; nothing of it was imported.',
    )
    expect(await made.versions('acme/log')).toEqual(['3.0.0'])
    expect(await made.versions('acme/http')).toEqual(['1.0.0'])
  })

  test('abuse 8: skips a ref with more packages than the limit', async () => {
    const repository = await temporaryRepository()
    const names = Array.from({ length: 501 }, (_, index) => [`p${index}`, {}] as const)
    const [many = '', few = ''] = await repository.commit(monorepo(Object.fromEntries(names)), monorepo({ http: {} }))
    await repository.setRefs({ 'refs/tags/1.0.0': many, 'refs/tags/1.1.0': few })
    const made = await createMonorepo(repository)

    expect(await made.versions('acme/http')).toEqual(['1.1.0'])
    expect(await listSkippedRefs(made.app.ctx(), made.source)).toMatchObject([{ name: '1.0.0', code: 'too-many-packages' }])
  })

  test('honours the exclusions of the top and of the directory, and those of the directory decide', async () => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit({
      files: {
        'composer.json': '{"name":"acme/monorepo","archive":{"exclude":["/packages","*.md"]}}',
        '.gitattributes':
          'packages export-ignore\n/packages/http/tests export-ignore\nkept.txt export-ignore\n*.dist export-ignore\n',
        'packages/http/composer.json': '{"name":"acme/http","archive":{"exclude":["/build"]}}',
        'packages/http/.gitattributes': 'kept.txt -export-ignore\n',
        'packages/http/kept.txt': '',
        'packages/http/readme.md': '',
        'packages/http/phpunit.xml.dist': '',
        'packages/http/build/x': '',
        'packages/http/tests/x': '',
        'packages/http/src/tests/x': '',
        'packages/http/out': { mode: '120000', data: '../../composer.json' },
      },
    })
    await repository.setRefs({ 'refs/tags/1.0.0': commit })
    const made = await createMonorepo(repository)

    expect(await made.archive('acme/http', commit)).toEqual(['.gitattributes', 'composer.json', 'kept.txt', 'src/tests/x'])
  })

  test('builds the archive of an unpublished commit where the package lies there, and of none where it does not', async () => {
    const repository = await temporaryRepository()
    const [old = '', without = '', now = ''] = await repository.commit(
      { files: { 'packages/elsewhere/composer.json': '{"name":"acme/http"}', 'packages/elsewhere/OLD': '' } },
      monorepo({ log: {} }),
      monorepo({ http: {} }),
    )
    await repository.setRefs({ 'refs/heads/main': now, 'refs/heads/old': old, 'refs/heads/without': without })
    const made = await createMonorepo(repository)
    await repository.setRefs({ 'refs/heads/old': null, 'refs/heads/without': null })
    await made.sync()
    await made.app.test.database.write.deleteFrom('child_directories').execute()

    expect(await made.archive('acme/http', old)).toEqual(['OLD', 'composer.json'])
    await expect(made.archive('acme/http', without)).rejects.toMatchObject({ code: 'dist_not_found' })
  })

  test('is read anew when its patterns change, and back', async () => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(monorepo({ http: {} }, { 'other/log/composer.json': '{"name":"acme/log"}' }))
    await repository.setRefs({ 'refs/tags/1.0.0': commit })
    const made = await createMonorepo(repository)
    await setManifests(made.app.ctx(), made.source, ['**/composer.json'])
    await made.app.runJobs()
    expect(await made.versions('acme/log')).toEqual(['1.0.0'])
    expect(await made.versions('acme/monorepo')).toEqual(['1.0.0'])

    await setManifests(made.app.ctx(), made.source, null)
    await made.app.runJobs()
    expect(await made.versions('acme/http')).toEqual([])
    expect(await made.versions('acme/monorepo')).toEqual(['1.0.0'])
    expect(await made.archive('acme/http', commit)).toEqual(['CONTENT', 'composer.json'])
    expect((await made.metadata('acme/monorepo'))[0]).toMatchObject({ source: { type: 'git', reference: commit } })
    const { state } = await getSource(made.app.ctx(), { organization: made.organization, uid: made.source.uid })
    expect(state).toBe('ready')
  })

  test('refuses patterns with every problem, and who may not configure sources', async () => {
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(monorepo({ http: {} }))
    await repository.setRefs({ 'refs/tags/1.0.0': commit })
    const made = await createMonorepo(repository)
    const refused = setManifests(made.app.ctx(), made.source, ['packages/*', '/composer.json'])

    await expect(refused).rejects.toMatchObject({
      code: 'definition_refused',
      details: { problems: expect.stringMatching(/^manifests\[0\]: .+\nmanifests\[1\]: /) },
    })
    const { actor } = await made.app.token(made.organization, 'read')
    await expect(setManifests(made.app.ctx(actor), made.source, null)).rejects.toMatchObject({ kind: 'forbidden' })
  })
})
