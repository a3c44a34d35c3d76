/** Published tags that somebody moves, by mistake or to slip something in: what is kept, what follows, and who is told. */
import { expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildToken } from '../../../test/kit/build.ts'
import { createGitSource, packageCommit, publishedVersions, temporaryRepository } from '../../../test/kit/git-source.ts'
import { createTestServer } from '../../../test/kit/http.ts'
import { buildMember } from '../../../test/kit/members.ts'
import { expandVersions, type VersionData } from '../../composer/index.ts'
import { getOrganizationByPath } from '../organizations/index.ts'

async function setUp(
  build: (commit: Awaited<ReturnType<typeof temporaryRepository>>['commit']) => Promise<Record<string, string>>,
) {
  const repository = await temporaryRepository()
  await repository.setRefs(await build((...commits) => repository.commit(...commits)))
  const app = await createTestApp({ git: true, mail: true })
  const source = await createGitSource(repository, app)
  await buildMember(app, await getOrganizationByPath(app.ctx(), 'acme'), 'owner', 'owner')
  const { secret: token } = await buildToken(app, source.organization)
  const server = await createTestServer({ app })
  return {
    ...source,
    app,
    async push(refs: Record<string, string | null>) {
      app.clock.advance('10 minutes')
      await repository.setRefs(refs)
      await source.sync()
      await app.runJobs()
      app.clock.advance('6 minutes')
      await app.runJobs()
    },
    async stable(): Promise<VersionData[]> {
      const document = (await server.json('/acme/p2/acme/http.json', { token })) as { packages: Record<string, VersionData[]> }
      return expandVersions(document.packages['acme/http'] ?? [])
    },
    download: (version: string, reference: string) => server.send(`/acme/dists/acme/http/${version}/${reference}.zip`, { token }),
  }
}

function moves(app: TestApp) {
  return app.events.flatMap((event) => (event.type === 'version.reference-changed' ? [event] : []))
}

function shasumOf(version: VersionData | undefined): unknown {
  return (version?.['dist'] as Record<string, unknown> | undefined)?.['shasum']
}

const content = (text: string) => packageCommit({ description: text }, { 'src/Http.php': `<?php // ${text}\n` })

test('abuse 10: a stable tag that is moved keeps its old archive for old locks; metadata follows; it is told once for each new target', async () => {
  const commits: string[] = []
  const world = await setUp(async (commit) => {
    commits.push(...(await commit(content('good'), content('bad'), content('worse'))))
    return { 'refs/heads/main': commits[0] ?? '', 'refs/tags/1.0.0': commits[0] ?? '' }
  })
  const { app, push, stable, download, sync } = world
  const [good = '', bad = '', worse = ''] = commits
  const [locked] = await stable()
  const before = await (await download('1.0.0', good)).bytes()
  expect(shasumOf(locked)).toBe(new Bun.CryptoHasher('sha1').update(before).digest('hex'))

  await push({ 'refs/tags/1.0.0': bad })

  const response = await download('1.0.0', good)
  expect(response.status).toBe(200)
  expect(await response.bytes()).toEqual(before)
  const [now] = await stable()
  expect(now).toMatchObject({ version: '1.0.0', dist: { reference: bad } })
  expect(shasumOf(now)).not.toBe(shasumOf(locked))
  expect(await (await download('1.0.0', bad)).bytes()).not.toEqual(before)
  await sync()
  await push({ 'refs/tags/1.0.0': worse })
  await push({ 'refs/tags/1.0.0': bad })
  expect(moves(app).map(({ from, to }) => [from, to])).toEqual([
    [good, bad],
    [bad, worse],
    [worse, bad],
  ])
  expect(app.mailer.sent.map(({ subject }) => subject)).toEqual([
    'acme: A published tag was moved to another commit',
    'acme: A published tag was moved to another commit',
  ])
  expect(app.mailer.sent.map(({ text }) => /leads to (\w{40})/.exec(text)?.[1])).toEqual([bad, worse])
  expect(await (await download('1.0.0', good)).bytes()).toEqual(before)
}, 20_000)

test('abuse 10: a tag that is taken away and set again at another commit has been moved', async () => {
  const commits: string[] = []
  const { app, push, download } = await setUp(async (commit) => {
    commits.push(...(await commit(content('good'), content('bad'))))
    return { 'refs/heads/main': commits[0] ?? '', 'refs/tags/1.0.0': commits[0] ?? '' }
  })
  const [good = '', bad = ''] = commits

  await push({ 'refs/tags/1.0.0': null })
  expect(moves(app)).toEqual([])
  await push({ 'refs/tags/1.0.0': bad })

  expect(moves(app)).toMatchObject([{ version: '1.0.0', ref: 'refs/tags/1.0.0', from: good, to: bad }])
  expect(app.mailer.sent.map(({ subject }) => subject)).toEqual(['acme: A published tag was moved to another commit'])
  expect((await download('1.0.0', good)).status).toBe(200)
}, 20_000)

test('abuse 11: three hundred tags that are moved at once make one mail; every old archive stays, every move is recorded', async () => {
  const TAGS = 300
  const names = Array.from({ length: TAGS }, (_, index) => `1.${index}.0`)
  const commits: string[] = []
  const world = await setUp(async (commit) => {
    commits.push(...(await commit(...names.map(content), content('slipped in'))))
    const tags = names.map((name, index) => [`refs/tags/${name}`, commits[index] ?? ''])
    return { 'refs/heads/main': commits[0] ?? '', ...Object.fromEntries(tags) }
  })
  const { app, push, source, download } = world
  const evil = commits.at(-1) ?? ''
  const archives = () =>
    app.test.database.read
      .selectFrom('dists')
      .select(['reference', 'sha256'])
      .where('reference', '<>', evil)
      .orderBy('id')
      .execute()
  const before = await archives()
  const built = before.filter(({ sha256 }) => sha256 !== null)
  expect(built.length).toBeGreaterThan(10)

  await push(Object.fromEntries(names.map((name) => [`refs/tags/${name}`, evil])))

  expect((await publishedVersions(app)).filter(({ reference }) => reference === evil)).toHaveLength(TAGS)
  expect(await archives()).toEqual(before)
  for (const { reference } of built) {
    const version = names[commits.indexOf(reference)] ?? 'dev-main'
    expect((await download(version, reference)).status).toBe(200)
  }
  for (const commit of commits) {
    expect((await app.ports.git.findCommit(source.uid, commit))?.commit).toBe(commit)
  }
  expect(new Set(moves(app).map(({ version, from, to }) => `${version} ${from} ${to}`))).toEqual(
    new Set(names.map((name, index) => `${name} ${commits[index]} ${evil}`)),
  )
  expect(app.mailer.sent.map(({ subject }) => subject)).toEqual(['acme: 300 published tags were moved to other commits'])
  expect(app.mailer.sent[0]!.text).toContain('- and 250 more\n')
}, 60_000)
