import { describe, expect, test } from 'bun:test'
import { createPersonalToken, revokeToken } from '../../../src/core/access/index.ts'
import { READ_SCOPES } from '../../../src/core/kernel/scopes.ts'
import { PASSWORD, buildUser } from '../../kit/people.ts'
import { buildPersonalToken } from '../../kit/members.ts'
import { asBasic, buildDeveloper, buildJob, createGitlabWorld, NAME, READ_REGISTRY, type GitlabWorld } from './gitlab-kit.ts'

async function statusOf(
  world: GitlabWorld,
  headers: Record<string, string>,
  path = `${world.base}/packages.json`,
): Promise<number> {
  return (await world.send(path, { headers })).status
}

function archiveOf({ project, tagged }: GitlabWorld): string {
  return `/api/v4/projects/${project.id}/packages/composer/archives/${NAME}.zip?sha=${tagged}`
}

describe('credentials', () => {
  test('GL-001 GL-002 GL-003 GL-004 GL-005 GL-006 a personal token in every carrier, with any user name', async () => {
    const world = await createGitlabWorld()
    const { token } = await buildDeveloper(world, 'guest')

    for (const user of ['anybody', '', '__token__', '___token___']) {
      expect([user, await statusOf(world, asBasic(user, token))]).toEqual([user, 200])
    }
    expect(await statusOf(world, { 'private-TOKEN': token })).toBe(200)
    expect(await statusOf(world, { Authorization: `Bearer ${token}` })).toBe(200)
    expect(await statusOf(world, {}, `${world.base}/packages.json?private_token=${token}`)).toBe(200)
    expect(await statusOf(world, asBasic(token, 'private-token'))).toBe(200)
  })

  test('GL-007 GL-008 GL-009 GL-024 a deploy token in every carrier; a Basic password counts before its header', async () => {
    const world = await createGitlabWorld()
    const token = await world.deployToken()

    expect(await statusOf(world, asBasic('gitlab+deploy-token-1', token))).toBe(200)
    expect(await statusOf(world, asBasic('somebody-else', token))).toBe(200)
    expect(await statusOf(world, { 'Deploy-Token': token })).toBe(200)
    expect(await statusOf(world, { Authorization: `Bearer ${token}` })).toBe(200)
    expect(await statusOf(world, { 'Deploy-Token': token, ...asBasic('x', 'wrong') })).toBe(401)
    expect(await statusOf(world, { 'Deploy-Token': 'wrong' })).toBe(401)
    await world.show({ group: 'public' })
    expect(await statusOf(world, { 'Deploy-Token': token, ...asBasic('x', 'wrong') })).toBe(200)
    expect(await statusOf(world, { 'Deploy-Token': 'wrong' })).toBe(200)
  })

  test('GL-010 GL-011 GL-012 GL-013 GL-022 the token of a job counts in Basic while the job runs, and in its header to publish', async () => {
    const world = await createGitlabWorld()
    const { person } = await buildDeveloper(world, 'developer')
    const job = await buildJob(world, person, world.project)
    const own = asBasic('gitlab-ci-token', job.secret)
    const paths = ['packages', 'p/123', `${NAME}$1`, `p2/${NAME}`].map((path) => `${world.base}/${path}`)

    for (const path of paths) {
      expect([path, await statusOf(world, own, path)]).toEqual([path, 200])
      expect([path, await statusOf(world, { 'Job-Token': job.secret }, path)]).toEqual([path, 401])
    }
    expect((await world.working(archiveOf(world), { headers: own })).status).toBe(200)
    expect(await statusOf(world, { 'Job-Token': job.secret }, archiveOf(world))).toBe(401)
    expect(await statusOf(world, { 'Private-Token': job.secret })).toBe(200)
    expect(await statusOf(world, asBasic('someone', job.secret))).toBe(401)
    expect((await world.publish({ tag: 'v1.0.0' }, { 'Job-Token': job.secret })).status).toBe(201)
    expect((await world.publish({ tag: 'v1.0.0', job_token: job.secret })).status).toBe(201)
    expect((await world.publish({ tag: 'v1.0.0' }, own)).status).toBe(201)
    expect((await world.send('/acme/packages.json', { token: job.secret })).status).toBe(401)

    await job.end()
    expect(await statusOf(world, own)).toBe(401)
    await world.show({ group: 'public' })
    expect(await statusOf(world, own)).toBe(401)
  })

  test('GL-014 a refusal says how to sign in and nothing else', async () => {
    const world = await createGitlabWorld()
    const paths = ['packages', 'p/1', `${NAME}$1`, `p2/${NAME}`].map((path) => `${world.base}/${path}`)
    const responses = [
      ...(await Promise.all([...paths, archiveOf(world)].map((path) => world.send(path)))),
      await world.publish({ tag: 'v1.0.0' }),
    ]

    for (const response of responses) {
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Basic realm="GitLab Packages Registry"')
      expect(response.headers.get('content-type')).toBe('application/json')
      expect(await response.text()).toBe('{"message":"401 Unauthorized"}')
    }
  })

  test('GL-015 GL-016 GL-023 which wrong credential is nobody and which is refused', async () => {
    const world = await createGitlabWorld()
    await buildUser(world.app)
    await world.show({ group: 'public' })

    expect(await statusOf(world, asBasic('x', 'unknown'))).toBe(200)
    expect(await statusOf(world, asBasic('ada@example.com', PASSWORD))).toBe(200)
    expect(await statusOf(world, { 'Private-Token': 'unknown' })).toBe(401)
    expect(await statusOf(world, { Authorization: 'Bearer unknown' })).toBe(401)
    expect(await statusOf(world, {}, `${world.base}/packages?private_token=unknown`)).toBe(401)
    expect(await statusOf(world, asBasic('gitlab-ci-token', 'unknown'))).toBe(401)
    await world.show({ group: 'private' })
    expect(await statusOf(world, asBasic('ada@example.com', PASSWORD))).toBe(401)
  })

  test('GL-017 an expired and a revoked token are refused for what they are, also where they were just used', async () => {
    const world = await createGitlabWorld()
    const { app } = world
    const { person } = await buildDeveloper(world, 'guest')
    const expiring = await buildPersonalToken(app, person, { expiresAt: app.clock.now() + 1000 })
    const { secret, token } = await createPersonalToken(app.ctx(), {
      user: person.id,
      name: 'revoked',
      scopes: null,
      packages: null,
      expiresAt: null,
    })
    expect(await statusOf(world, { 'Private-Token': expiring })).toBe(200)
    expect(await statusOf(world, asBasic('x', secret))).toBe(200)

    app.clock.advance(2000)
    await revokeToken(app.ctx(), { owner: { user: person.id }, uid: token.uid })

    const expired = await world.send(`${world.base}/packages.json`, { headers: { 'Private-Token': expiring } })
    const revoked = await world.send(`${world.base}/packages.json`, { headers: asBasic('x', secret) })
    expect([expired.status, revoked.status]).toEqual([401, 401])
    expect(await expired.json()).toMatchObject({ error: 'invalid_token' })
    expect(await revoked.json()).toMatchObject({ error: 'invalid_token' })
  })

  test('GL-018 GL-019 GL-020 GL-021 what scopes allow', async () => {
    const world = await createGitlabWorld()
    const { person } = await buildDeveloper(world, 'developer')
    const reading = { 'Private-Token': await buildPersonalToken(world.app, person, { scopes: READ_SCOPES }) }
    const unrelated = { 'Private-Token': await buildPersonalToken(world.app, person, { scopes: ['member:read'] }) }
    const readRegistry = { 'Deploy-Token': await world.deployToken({ scopes: READ_REGISTRY }) }
    const writeRegistry = { 'Deploy-Token': await world.deployToken() }
    const paths = ['packages', 'p/123', `${NAME}$1`, `p2/${NAME}`].map((path) => `${world.base}/${path}`)

    for (const headers of [reading, writeRegistry, readRegistry]) {
      for (const path of paths) {
        expect([path, await statusOf(world, headers, path)]).toEqual([path, 200])
      }
      expect((await world.working(archiveOf(world), { headers })).status).toBe(200)
    }
    expect((await world.publish({ tag: 'v1.0.0' }, reading)).status).toBe(403)
    expect((await world.publish({ tag: 'v1.0.0' }, readRegistry)).status).toBe(403)
    expect((await world.publish({ tag: 'v1.0.0' }, writeRegistry)).status).toBe(201)
    const refused = await world.send(`${world.base}/packages`, { headers: unrelated })
    expect(refused.status).toBe(403)
    expect(await refused.json()).toMatchObject({ error: 'insufficient_scope', scope: 'api read_api' })
  })

  test('GL-126 a deploy token of one project is nobody in another: 404 private, 403 public', async () => {
    const world = await createGitlabWorld()
    const { addSource } = await import('../../../src/core/sources/index.ts')
    const other = await addSource(world.app.ctx(), {
      organization: world.group.id,
      url: 'https://git.example.org/x.git',
      credential: null,
    })
    world.app.leaveJobs()
    const headers = { 'Deploy-Token': await world.deployToken({ source: other.source.id }) }

    expect((await world.send(archiveOf(world), { headers })).status).toBe(404)
    const publish = () =>
      world.send(`/api/v4/projects/${world.project.id}/packages/composer?tag=v1.0.0`, { method: 'POST', headers })
    expect((await publish()).status).toBe(404)
    await world.show({ group: 'public', project: 'public' })
    expect((await publish()).status).toBe(403)
  })

  test('abuse 48, 49: nothing that was private is shared or confirmed after it is not seen any more', async () => {
    const world = await createGitlabWorld()
    const { token } = await buildDeveloper(world, 'guest')
    const path = `${world.base}/p2/${NAME}.json`
    const seen = await world.send(path, { headers: { 'Private-Token': token } })
    const modified = seen.headers.get('last-modified') ?? ''

    expect(seen.headers.get('cache-control')).toContain('private')
    expect(seen.headers.get('vary')).toContain('Private-Token')
    expect((await world.send(path, { headers: { 'If-Modified-Since': modified } })).status).toBe(401)
    expect((await world.send(path, { headers: { 'Private-Token': token, 'If-Modified-Since': modified } })).status).toBe(304)
    await world.show({ group: 'public', project: 'public' })
    expect((await world.send(path)).status).toBe(200)
    expect((await world.send(path, { headers: { 'If-Modified-Since': modified } })).status).toBe(200)
    await world.show({ project: 'private' })
    expect((await world.send(path)).status).toBe(404)
    await world.show({ group: 'private' })
    expect((await world.send(path)).status).toBe(401)
  })
})
