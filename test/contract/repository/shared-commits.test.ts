/**
 * Packages of one repository share its commits, and an archive is found by its commit. Who may have one package must not get another
 * through what both share, whatever they guess: neither its archive nor a hint that there is one.
 */
import { afterEach, describe, expect, test } from 'bun:test'
import { createRunner } from '../../../src/app.ts'
import { addTeamMember, changeOrganization, createTeam } from '../../../src/core/access/index.ts'
import { addTeamPackages } from '../../../src/core/packages/index.ts'
import { addSource, requestSync, setManifests } from '../../../src/core/sources/index.ts'
import { buildToken } from '../../kit/build.ts'
import { temporaryRepository } from '../../kit/git-source.ts'
import { createTestServer, type TestServer } from '../../kit/http.ts'
import { buildMember, buildPersonalToken } from '../../kit/members.ts'

const running = new Set<{ drain(timeout: number): Promise<unknown> }>()

afterEach(async () => {
  for (const runner of running) {
    await runner.drain(5_000)
  }
  running.clear()
})

/** `open` and `closed` in one repository; before, `closed` was where `open` is now, and `open` elsewhere. */
async function setUp() {
  const repository = await temporaryRepository()
  const at = (directories: Readonly<Record<string, string>>, text: string) => ({
    files: Object.fromEntries([
      ['composer.json', '{"name":"acme/all"}'],
      ...Object.entries(directories).flatMap(([directory, name]) => [
        [`packages/${directory}/composer.json`, JSON.stringify({ name })],
        [`packages/${directory}/CONTENT-OF-${name.slice('acme/'.length)}`, text],
      ]),
    ]) as Record<string, string>,
  })
  const [alone = '', swapped = '', shared = ''] = await repository.commit(
    at({ a: 'acme/closed' }, 'alone'),
    at({ a: 'acme/closed', b: 'acme/open' }, 'swapped'),
    at({ a: 'acme/open', b: 'acme/closed' }, 'shared'),
  )
  const elsewhere = await temporaryRepository()
  const [foreign = ''] = await elsewhere.commit({ files: { 'composer.json': '{"name":"acme/foreign"}', SECRET: 'foreign' } })
  await elsewhere.setRefs({ 'refs/heads/main': foreign, 'refs/tags/1.0.0': foreign })
  await repository.setRefs({
    'refs/heads/main': shared,
    'refs/tags/0.1.0': alone,
    'refs/tags/0.9.0': swapped,
    'refs/tags/1.0.0': shared,
  })
  const server = await createTestServer({ git: true })
  const { app } = server
  const organization = await app.organization()
  const manifests = ['packages/*/composer.json']
  const { source } = await addSource(app.ctx(), {
    organization: organization.id,
    url: repository.url,
    credential: null,
    manifests,
  })
  await addSource(app.ctx(), { organization: organization.id, url: elsewhere.url, credential: null })
  await app.runJobs()
  const { secret: token } = await buildToken(app, organization.id, { packages: ['acme/open'] })
  const { secret: whole } = await buildToken(app, organization.id)
  return { ...server, app, organization, source, repository, token, whole, commits: { alone, swapped, shared, foreign } }
}

/** Keeps jobs running, as the server does: a guessed commit is looked for by one. */
async function runAlways({ app }: TestServer): Promise<void> {
  const runner = createRunner(app.ports, { owner: 'test/always', lanes: { interactive: 2, background: 1 }, schedules: [] })
  running.add(runner)
  await runner.start()
}

function basic(token: string): { token: string } {
  return { token }
}

/** Every address at which an archive of a package can be asked for by a commit. */
function addressesOf(name: string, commit: string): string[] {
  return [
    `/acme/dists/${name}/1.0.0/${commit}.zip`,
    `/acme/dists/${name}/1.0.0.0/r${commit}.zip`,
    `/acme/dists/${name}/dev-main/${commit}.zip`,
    `/acme/dists/${name}/${commit}.zip`,
    `/acme/dists/${name}/1.0.0/${commit.slice(0, 12)}.zip`,
    `/acme/dists/${name.replace('/', '%2F')}/1.0.0/${commit}.zip`,
    `/org/acme/dists/${name}/1.0.0/${commit}.zip`,
    `/org/acme/packages/${name}/1.0.0.zip?reference=${commit}`,
    `/org/acme/packages/${name}/1.0.0.zip`,
  ]
}

/** Where else something of a package could be seen. */
function documentsOf(name: string): string[] {
  return ['acme', 'org/acme'].flatMap((prefix) => [
    `/${prefix}/p2/${name}.json`,
    `/${prefix}/p2/${name}~dev.json`,
    `/${prefix}/p/${name}.json`,
    `/${prefix}/packages/${name}.json`,
  ])
}

/** What an answer says besides its time and the names that were asked for. */
async function toldBy(response: Response, name: string): Promise<unknown> {
  return { status: response.status, body: (await response.text()).replaceAll(name, '…') }
}

describe('abuse 39: a token for one package of a repository', () => {
  test('gets that package at a commit that others share, and nothing of theirs', async () => {
    const world = await setUp()
    const { send, token, commits } = world
    await runAlways(world)

    for (const commit of [commits.shared, commits.swapped]) {
      const response = await send(`/acme/dists/acme/open/1.0.0/${commit}.zip`, basic(token))
      expect(response.status).toBe(200)
      const text = Buffer.from(await response.bytes()).toString('latin1')
      expect(text).toContain('CONTENT-OF-open')
      expect(text).not.toContain('CONTENT-OF-closed')
    }
  })

  test('gets nothing of another by a shared, a guessed or an old commit, at any address, and no hint that it exists', async () => {
    const world = await setUp()
    const { send, token, whole, commits } = world
    await runAlways(world)

    for (const commit of Object.values(commits)) {
      const absent = addressesOf('acme/absent', commit)
      for (const [index, address] of addressesOf('acme/closed', commit).entries()) {
        const hidden = await toldBy(await send(address, basic(token)), 'acme/closed')
        expect({ address, ...(hidden as object) }).toMatchObject({ address, status: 404 })
        expect(hidden).toEqual(await toldBy(await send(absent[index] ?? '', basic(token)), 'acme/absent'))
      }
    }
    const { swapped, shared } = commits
    expect((await send(`/acme/dists/acme/closed/1.0.0/${shared}.zip`, basic(whole))).status).toBe(200)
    expect((await send(`/acme/dists/acme/closed/0.9.0/${swapped}.zip`, basic(whole))).status).toBe(200)
  })

  test('does not get by its own name what was another package at an old commit, nor what is in another repository', async () => {
    const world = await setUp()
    const { app, send, token, commits } = world
    await runAlways(world)

    for (const address of [...addressesOf('acme/open', commits.alone), ...addressesOf('acme/open', commits.foreign)]) {
      const response = await send(address, basic(token))
      const text = Buffer.from(await response.bytes()).toString('latin1')
      expect(text).not.toContain('CONTENT-OF-closed')
      expect(text).not.toContain('SECRET')
      expect({ address, status: response.status }).toEqual({ address, status: isByVersion(address) ? 200 : 404 })
    }
    app.expectFailedJobs(4)
  })

  test('is shown no document of another, not by Composer 1 either, and no list that names it', async () => {
    const { send, json, token, whole } = await setUp()

    for (const address of documentsOf('acme/closed')) {
      expect({ address, status: (await send(address, basic(token))).status }).toEqual({ address, status: 404 })
    }
    const root = await json('/acme/packages.json', basic(token))
    expect(JSON.stringify(root)).not.toContain('acme/closed')
    const includes = (root as { 'provider-includes'?: Record<string, { sha256: string }> })['provider-includes'] ?? {}
    for (const [path, { sha256 }] of Object.entries(includes)) {
      const listed = await (await send(`/acme/${path.replace('%hash%', sha256)}`, basic(token))).text()
      expect(listed).not.toContain('acme/closed')
    }
    const all = JSON.stringify(await json('/acme/packages.json', basic(whole)))
    expect(all).toContain('acme/closed')
  })

  test('gets nothing of another after a sync moved the tag that both share', async () => {
    const world = await setUp()
    const { app, send, token, source, repository, commits } = world
    await repository.setRefs({ 'refs/tags/1.0.0': commits.swapped })
    await requestSync(app.ctx(), source)
    await app.runJobs()
    await runAlways(world)

    for (const commit of [commits.shared, commits.swapped]) {
      expect((await send(`/acme/dists/acme/open/1.0.0/${commit}.zip`, basic(token))).status).toBe(200)
      expect((await send(`/acme/dists/acme/closed/1.0.0/${commit}.zip`, basic(token))).status).toBe(404)
    }
  })
})

test('abuse 39: a package whose repository is now read as one package does not become all of it', async () => {
  const world = await setUp()
  const { app, send, token, whole, source, repository } = world
  const [later = ''] = await repository.commit({ files: { 'composer.json': '{"name":"acme/all"}', 'CONTENT-OF-closed': 'x' } })
  await repository.setRefs({ 'refs/heads/main': later })
  await setManifests(app.ctx(), source, null)
  await app.runJobs()
  await runAlways(world)

  expect((await send(`/acme/dists/acme/all/dev-main/${later}.zip`, basic(whole))).status).toBe(200)
  expect((await send(`/acme/dists/acme/open/dev-main/${later}.zip`, basic(token))).status).toBe(404)
  app.expectFailedJobs(1)
})

test('abuse 39: a member who sees the packages of a team gets no other package through a commit that they share', async () => {
  const world = await setUp()
  const { app, organization, send, commits } = world
  await runAlways(world)
  await changeOrganization(app.ctx(), { organization, settings: { memberAccess: 'teams' } })
  const person = await buildMember(app, organization, 'member', 'member')
  const token = await buildPersonalToken(app, person)
  const team = await createTeam(app.ctx(), { organization, name: 'Open', permissions: [], allPackages: false })
  await addTeamPackages(app.ctx(), { organization, team: team.uid, names: ['acme/open'] })
  await addTeamMember(app.ctx(), { organization, team: team.uid, user: person.uid })

  expect((await send(`/acme/dists/acme/open/1.0.0/${commits.shared}.zip`, basic(token))).status).toBe(200)
  for (const commit of Object.values(commits)) {
    for (const address of addressesOf('acme/closed', commit)) {
      expect({ address, status: (await send(address, basic(token))).status }).toEqual({ address, status: 404 })
    }
  }
})

/** The documented form finds an archive by its version when the path names no reference that it knows. */
function isByVersion(address: string): boolean {
  return address.endsWith('/1.0.0.zip')
}
