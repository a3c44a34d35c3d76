import { describe, expect, test } from 'bun:test'
import { createSuborganization } from '../../../src/core/access/index.ts'
import { buildPackage } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'
import { buildDeveloper, createGitlabWorld } from './gitlab-kit.ts'

async function createWorld() {
  const server = await createTestServer()
  const { app } = server
  const acme = await app.organization('acme')
  const { secret: token } = await app.token(acme.id)
  const base = `/api/v4/group/${acme.id}/-/packages/composer`
  return { server, app, acme, token, base }
}

describe('paths', () => {
  test('GL-031 a full path with a slash, and every other path that is none', async () => {
    const { server, token, acme } = await createWorld()
    const paths = [
      '/api/v4/group/acme/sub/-/packages/composer/packages',
      '/api/v4/group/acme/-/packages/composer',
      '/api/v4/group/acme/-/packages/composer/',
      '/api/v4/group//-/packages/composer/packages',
      '/api/v4/groups/acme/-/packages/composer/packages',
      '/api/v4/projects/1/-/packages/composer',
      '/api/v4/version',
      `/api/v4/group/${acme.id}/-/packages/composer/p/`,
    ]
    for (const path of paths) {
      const response = await server.send(path, { token })
      expect([path, response.status, await response.text()]).toEqual([path, 404, '{"error":"404 Not Found"}'])
    }
  })

  test('GL-033 GL-034 GL-036 abuse 37: every spelling of one path is the same', async () => {
    const { server, app, acme, token, base } = await createWorld()
    await buildPackage(app, { organization: acme.id, name: 'acme/my.pkg' })
    const same = [
      ['packages', 'packages.json'],
      ['p/1', 'p/1.json'],
      ['acme/my.pkg$1', 'acme/my.pkg%241.json', 'acme%2Fmy.pkg$1.json', 'acme%2fmy.pkg%241'],
      ['p2/acme/my.pkg.json', 'p2/acme/my.pkg', 'p2/acme%2Fmy.pkg', 'p2/acme%2fmy%2epkg.json', 'p2/acme/my.pkg$x'],
    ]
    for (const spellings of same) {
      const bodies = new Set<string>()
      for (const path of spellings) {
        const response = await server.send(`${base}/${path}`, { token })
        expect([path, response.status]).toEqual([path, 200])
        bodies.add(await response.text())
        expect([path, (await server.send(`${base}/${path}`)).status]).toEqual([path, 401])
      }
      expect(bodies.size).toBe(1)
    }
  })

  test('GL-035 which of several routes a path is', async () => {
    const { server, app, acme, token, base } = await createWorld()
    for (const name of ['packages/x', 'p/x', 'p2/x']) {
      await buildPackage(app, { organization: acme.id, name })
    }
    const keysOf = async (path: string) => {
      const response = await server.send(`${base}/${path}`, { token })
      return response.status === 200 ? Object.keys((await response.json()) as object) : response.status
    }
    expect(await keysOf('packages/x$1')).toEqual(['packages'])
    expect(await keysOf('p/x$1')).toEqual(['providers'])
    expect(await keysOf('p2/x$1')).toBe(404)
    expect(await keysOf('p2/p2/x')).toEqual(['packages'])
  })

  test('GL-037 abuse 37: names that lead elsewhere are refused, and nothing fails of any other', async () => {
    const { server, token, base } = await createWorld()
    for (const path of ['p2/a%2F..%2Fb', '..%2F..%2Fb$1', 'p2/%2Fa', 'p2/a%00b', 'p2/a%5Cb', 'p2/a%2F%2Fb', 'p2/%zz']) {
      const response = await server.send(`${base}/${path}`, { token })
      expect([path, response.status, await response.json()]).toEqual([
        path,
        400,
        { error: 'package_name should be a valid file path' },
      ])
    }
    for (const path of ['p2/a;b', `p2/${'x'.repeat(5000)}`, 'p2/%F0%9F%98%80/x', 'p2/a/b?x=%00']) {
      expect([400, 404]).toContain((await server.send(`${base}/${path}`, { token })).status)
    }
    expect((await server.send('/api/v4/group/%00/-/packages/composer/packages', { token })).status).toBe(404)
    expect((await server.send('/api/v4/group/99999999999999999999/-/packages/composer/packages', { token })).status).toBe(404)
  })

  test('GL-042 there is nothing of it where it is switched off', async () => {
    const server = await createTestServer({ config: { gitlabApi: false } })
    const acme = await server.app.organization('acme')
    const { secret: token } = await server.app.token(acme.id)
    const base = `/api/v4/group/${acme.id}/-/packages/composer`
    const paths = ['packages', 'p/1', 'a/b$1', 'p2/a/b'].map((path) => `${base}/${path}`)

    for (const path of [...paths, '/api/v4/projects/1/packages/composer/archives/a/b.zip']) {
      const response = await server.send(path, { token })
      expect([path, response.status, await response.text()]).toEqual([path, 404, '{"message":"404 Not Found"}'])
    }
    expect((await server.send('/api/v4/projects/1/packages/composer', { method: 'POST' })).status).toBe(404)
  })

  test('GL-038 GL-039 methods: others are told which, and HEAD is GET without a body', async () => {
    const { server, acme, token, base, app } = await createWorld()
    await buildPackage(app, { organization: acme.id })
    const post = await server.send(`${base}/packages`, { token, method: 'POST' })
    const get = await server.send('/api/v4/projects/1/packages/composer', { token })

    expect([post.status, post.headers.get('allow'), await post.json()]).toEqual([405, 'GET, HEAD', { error: '405 Not Allowed' }])
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST'])
    for (const path of ['packages', 'p2/acme/http']) {
      const full = await server.send(`${base}/${path}`, { token })
      const head = await server.send(`${base}/${path}`, { token, method: 'HEAD' })
      expect([head.status, head.headers.get('last-modified')]).toEqual([full.status, full.headers.get('last-modified')])
      expect(await head.text()).toBe('')
    }
  })
})

describe('the packages API', () => {
  test('GL-158 GL-160 abuse 41: pages and filters of a project, and no credential in links', async () => {
    const world = await createGitlabWorld()
    const { token } = await buildDeveloper(world, 'maintainer')
    const path = `/api/v4/projects/${world.project.id}/packages`
    const get = (query: string) => world.send(`${path}?${query}`, { headers: { 'Private-Token': token } })
    const response = await get('package_type=composer&per_page=1&page=2')
    const items = (await response.json()) as Record<string, unknown>[]

    expect(response.status).toBe(200)
    expect(items).toHaveLength(1)
    expect(items[0]).toMatchObject({ name: 'acme/http', package_type: 'composer', status: 'default', tags: [], pipelines: [] })
    expect(items[0]?.['_links']).toMatchObject({ delete_api_path: expect.stringContaining(`${path}/`) })
    const headers = ['x-page', 'x-per-page', 'x-next-page', 'x-prev-page', 'x-total', 'x-total-pages']
    expect(headers.map((name) => response.headers.get(name))).toEqual(['2', '1', '', '1', '2', '2'])
    const linked = await world.send(`${path}?private_token=${token}`)
    expect(linked.status).toBe(200)
    expect(linked.headers.get('link')).not.toContain(token)
    const versions = async (query: string) =>
      ((await (await get(query)).json()) as { version: string }[]).map(({ version }) => version)
    expect(await versions('order_by=version&sort=desc')).toEqual(['1.0.0', 'dev-main'])
    expect(await versions('package_name=HTTP&package_version=1.0.0')).toEqual(['1.0.0'])
    expect(await versions('package_name=%25')).toEqual([])
    expect(await versions('package_type=npm')).toEqual([])
    expect(await versions('status=processing')).toEqual([])
    for (const query of ['package_type=x', 'order_by=x', 'sort=x', 'status=x', 'order_by=project_path', 'page=x']) {
      expect([query, (await get(query)).status]).toEqual([query, 400])
    }
    expect((await world.send(path)).status).toBe(401)
  })

  test('GL-159 GL-161 GL-162 of a group, one package and its files', async () => {
    const { server, app, acme, token } = await createWorld()
    const sub = await createSuborganization(app.ctx(), { parent: acme, slug: 'sub', name: 'Sub' })
    await buildPackage(app, { organization: acme.id, name: 'acme/top', versions: ['1.0.0', '2.0.0'] })
    await buildPackage(app, { organization: sub.id, name: 'acme/below' })
    const list = async (query: string) =>
      (await server.json(`/api/v4/groups/acme/packages?${query}`, { token })) as Record<string, unknown>[]

    expect((await list('order_by=name')).map(({ name }) => name)).toEqual(['acme/below', 'acme/top', 'acme/top'])
    const direct = await list('exclude_subgroups=true')
    expect(direct.map(({ version }) => version)).toEqual(['1.0.0', '2.0.0'])
    const { id, project_id: project, project_path } = direct[0] as { id: number; project_id: number; project_path: string }
    expect(project_path).toBe(`acme/${project}`)
    expect((await server.send('/api/v4/groups/acme/packages?exclude_subgroups=x', { token })).status).toBe(400)

    const path = `/api/v4/projects/${project}/packages/${id}`
    expect(await server.json(path, { token })).toMatchObject({ id, version: '1.0.0', versions: [{ version: '2.0.0' }] })
    expect(await server.json(`${path}/package_files`, { token })).toEqual([])
    expect((await server.send(`${path}/package_files/1`, { token, method: 'DELETE' })).status).toBe(404)
    expect((await server.send(`/api/v4/projects/${project}/packages/4711`, { token })).status).toBe(404)
    expect((await server.send('/api/v4/groups/4711/packages', { token })).status).toBe(404)
    expect((await server.send('/api/v4/groups/acme/packages')).status).toBe(401)
  })
})
