/** From a git repository over a sync to what a client gets: the whole way, with real git and real jobs. */
import { afterEach, expect, test } from 'bun:test'
import { createRunner } from '../../../src/app.ts'
import { expandVersions, type VersionData } from '../../../src/composer/index.ts'
import type { TestApp } from '../../kit/app.ts'
import { buildToken } from '../../kit/build.ts'
import { createGitSource, packageCommit, temporaryRepository } from '../../kit/git-source.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

const running = new Set<{ drain(timeout: number): Promise<unknown> }>()

afterEach(async () => {
  for (const runner of running) {
    await runner.drain(5_000)
  }
  running.clear()
})

/** Keeps jobs running, as the server does. */
async function runAlways(app: TestApp): Promise<void> {
  const runner = createRunner(app.ports, { owner: 'test/always', lanes: { interactive: 2, background: 1 }, schedules: [] })
  running.add(runner)
  await runner.start()
}

async function setUp() {
  const repository = await temporaryRepository()
  const [first = '', second = '', third = ''] = await repository.commit(
    packageCommit(
      { description: 'First.' },
      { 'src/First.php': '<?php\n', '.gitattributes': '/tests export-ignore\n', 'tests/a': 'a' },
    ),
    packageCommit(
      { description: 'Second.' },
      { 'src/Second.php': '<?php\n', 'bin/run': { mode: '100755', data: '#!/bin/sh\n' } },
    ),
    packageCommit({ description: 'Third.', require: { 'acme/other': 'no constraint' } }),
  )
  await repository.setRefs({
    'refs/heads/main': second,
    'refs/tags/v1.0.0': first,
    'refs/tags/1.0': first,
    'refs/tags/not-a-version': first,
    'refs/tags/2.0.0': third,
  })
  const source = await createGitSource(repository)
  const { app, organization } = source
  const server = await createTestServer({ app })
  const { secret: token } = await buildToken(app, organization)
  return {
    ...source,
    ...server,
    app,
    token,
    commits: { first, second, third },
    async versions(path: string): Promise<VersionData[]> {
      const document = (await server.json(`/acme/p2/${path}.json`, { token })) as { packages: Record<string, VersionData[]> }
      return expandVersions(document.packages['acme/http'] ?? [])
    },
  }
}

test('CO-029 CO-036 CO-037 abuse 3 of what a repository has, only what clients can load is shown, each version once', async () => {
  const { versions, commits, send, token } = await setUp()

  const stable = await versions('acme/http')
  const development = await versions('acme/http~dev')

  expect(stable.map((version) => version['version_normalized'])).toEqual(['1.0.0.0'])
  expect(development.map((version) => [version['version'], version['default-branch']])).toEqual([['dev-main', true]])
  for (const spelling of ['v1.0.0', '1.0.0', '1.0', '1.0.0.0']) {
    expect((await send(`/acme/dists/acme/http/${spelling}/${commits.first}.zip`, { token })).status).toBe(200)
  }
})

test('CO-070 CO-072 the shasum of metadata is that of the archive which is sent', async () => {
  const { versions, send, token } = await setUp()
  const [version] = await versions('acme/http')
  const dist = version?.['dist'] as { url: string; shasum: string }

  const bytes = await (await send(dist.url.slice(BASE.length), { token })).bytes()

  expect(new Bun.CryptoHasher('sha1').update(bytes).digest('hex')).toBe(dist.shasum)
})

test('CO-072 an archive whose bytes got lost is built again with the same checksum', async () => {
  const { app, versions, blobs, send, token, commits } = await setUp().then((parts) => ({ ...parts, blobs: parts.app.blobs }))
  const [before] = await versions('acme/http')
  for await (const { sha256 } of blobs.list()) {
    await blobs.remove(sha256)
  }
  await runAlways(app)

  const response = await send(`/acme/dists/acme/http/v1.0.0/${commits.first}.zip`, { token })
  const bytes = await response.bytes()

  expect(response.status).toBe(200)
  expect(before?.['dist']).toMatchObject({ shasum: new Bun.CryptoHasher('sha1').update(bytes).digest('hex') })
})

test('CO-074 dev-main#<commit> gets that commit, which no version has', async () => {
  const { app, repository, sync, versions, send, token, commits } = await setUp()
  const [unpublished = ''] = await repository.commit(
    packageCommit({}, { 'between.txt': 'between\n' }, { parent: commits.second }),
  )
  const [tip = ''] = await repository.commit(packageCommit({}, {}, { parent: unpublished }))
  await repository.setRefs({ 'refs/heads/main': tip })
  await sync()
  await app.runJobs()
  const dist = (await versions('acme/http~dev'))[0]?.['dist'] as { url: string; reference: string }
  await runAlways(app)

  const response = await send(dist.url.replace('%reference%', unpublished).slice(BASE.length), { token })

  expect(dist.reference).toBe(tip)
  expect(response.status).toBe(200)
  expect(Buffer.from(await response.bytes()).toString('latin1')).toContain('between.txt')
})

test('CO-074 CO-080 a commit that the repository does not have is 404', async () => {
  const { app, send, token } = await setUp()
  await runAlways(app)

  const response = await send(`/acme/dists/acme/http/dev-main/${'0123456789'.repeat(4)}.zip`, { token })

  expect(response.status).toBe(404)
  expect(await response.json()).toMatchObject({ status: 'error' })
  app.expectFailedJobs(1)
  app.warnings.splice(0)
})

test('CO-075 composer.json is at the top of the archive, and export-ignore is honoured', async () => {
  const { send, token, commits } = await setUp()

  const bytes = await (await send(`/acme/dists/acme/http/v1.0.0/${commits.first}.zip`, { token })).bytes()

  expect(listNames(bytes)).toEqual(['.gitattributes', 'composer.json', 'src/First.php'])
})

test('CO-085 many who ask first for the same archive cause one build', async () => {
  const { app, repository, sync, send, token, commits } = await setUp()
  const [unpublished = ''] = await repository.commit(packageCommit({}, { 'x.txt': 'x' }, { parent: commits.second }))
  const [tip = ''] = await repository.commit(packageCommit({}, {}, { parent: unpublished }))
  await repository.setRefs({ 'refs/heads/main': tip })
  await sync()
  await app.runJobs()
  await runAlways(app)

  const responses = await Promise.all(
    Array.from({ length: 20 }, (_, index) => send(`/acme/dists/acme/http/dev-${index % 3}/${unpublished}.zip`, { token })),
  )

  expect(new Set(responses.map((response) => response.status))).toEqual(new Set([200]))
  expect(app.events.filter((event) => event.type === 'dist.built' && event.reference === unpublished)).toHaveLength(1)
})

test('CO-071 an archive of a tag that was deleted stays downloadable', async () => {
  const { app, repository, sync, versions, send, token, commits } = await setUp()
  await repository.setRefs({ 'refs/tags/v1.0.0': null, 'refs/tags/1.0': null })
  await sync()
  await app.runJobs()

  expect(await versions('acme/http')).toEqual([])
  expect((await send(`/acme/dists/acme/http/v1.0.0/${commits.first}.zip`, { token })).status).toBe(200)
})

/** The names in the central directory of a zip, sorted. */
function listNames(zip: Uint8Array): string[] {
  const bytes = Buffer.from(zip)
  const names: string[] = []
  for (let at = bytes.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = bytes.indexOf('PK\x01\x02', at + 4, 'latin1')) {
    const length = bytes.readUInt16LE(at + 28)
    names.push(bytes.subarray(at + 46, at + 46 + length).toString())
  }
  return names.sort()
}
