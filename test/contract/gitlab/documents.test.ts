import { createHash } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import { createSuborganization } from '../../../src/core/access/index.ts'
import { cloneUrl } from '../../../src/core/sources/index.ts'
import { buildPackage } from '../../kit/build.ts'
import { packageCommit } from '../../kit/git-source.ts'
import { createTestServer } from '../../kit/http.ts'
import { buildMember, buildPersonalToken } from '../../kit/members.ts'
import { createGitlabWorld, NAME, type GitlabWorld } from './gitlab-kit.ts'

type Entry = Record<string, unknown> & { dist: Record<string, string>; source?: Record<string, string>; uid: number }
type Document = { packages: Record<string, Record<string, Entry>> }

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

async function reader(world: GitlabWorld): Promise<Record<string, string>> {
  return { 'Deploy-Token': await world.deployToken() }
}

async function getText(world: GitlabWorld, path: string, headers: Record<string, string>): Promise<string> {
  const response = await world.send(path, { headers })
  expect([path, response.status]).toEqual([path, 200])
  return response.text()
}

describe('the root document', () => {
  test('GL-050 GL-051 GL-052 GL-053 GL-054 GL-055 GL-056 GL-059 is in two forms, by the name of the client alone', async () => {
    const world = await createGitlabWorld()
    const headers = await reader(world)
    const root = async (agent: string | null, path = `${world.base}/packages.json`) =>
      JSON.parse(await getText(world, path, { ...headers, ...(agent === null ? {} : { 'User-Agent': agent }) })) as Record<
        string,
        unknown
      >
    const second = { packages: [], 'metadata-url': `${world.base}/p2/%package%.json` }

    for (const agent of ['Composer/2', 'Composer/2.0.9 (Darwin; 19.6.0; PHP 7.4.8; cURL 7.71.1)', 'Foo Composer/2 bar']) {
      expect(await root(agent)).toEqual(second)
    }
    for (const agent of [null, 'curl/8', 'composer/2', 'Composer/1.10.27 (x)', 'Composer/3.0']) {
      expect(await root(agent)).toEqual({
        ...second,
        'provider-includes': { 'p/%hash%.json': { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
        'providers-url': `${world.base}/%package%$%hash%.json`,
      })
    }
    expect(await root('Composer/2', '/api/v4/group/acme/-/packages/composer/packages')).toEqual(second)
    const plain = await getText(world, `${world.base}/p2/${NAME}`, headers)
    expect(await getText(world, `${world.base}/p2/${NAME}`, { ...headers, 'User-Agent': 'Composer/2' })).toBe(plain)
  })

  test('GL-057 GL-067 of an empty group names the list of nothing', async () => {
    const server = await createTestServer()
    const { app } = server
    const { id } = await app.organization('empty')
    const token = (await app.token(id)).secret
    const base = `/api/v4/group/${id}/-/packages/composer`
    const root = (await server.json(`${base}/packages`, { token })) as Record<string, unknown>

    expect(root['provider-includes']).toEqual({
      'p/%hash%.json': { sha256: '9aecf438c3f923ce02f488be25cae648068d632535d5ec4d38b0fa6abb6b055f' },
    })
    expect(await (await server.send(`${base}/p/1`, { token })).text()).toBe('{"providers":{}}')
  })

  test('GL-040 has the path of the public URL, and so have archives', async () => {
    const server = await createTestServer({ config: { publicUrl: 'https://example.org/registry' } })
    const { id } = await server.app.organization()
    await buildPackage(server.app, { organization: id })
    const { secret: token } = await server.app.token(id)
    const base = `/api/v4/group/${id}/-/packages/composer`

    expect(await server.json(`${base}/packages`, { token })).toMatchObject({
      'metadata-url': `/registry${base}/p2/%package%.json`,
      'providers-url': `/registry${base}/%package%$%hash%.json`,
    })
    const { packages } = (await server.json(`${base}/p2/${NAME}`, { token })) as Document
    expect(packages[NAME]?.['1.0.0']?.dist['url']).toStartWith('https://example.org/registry/api/v4/projects/')
  })
})

describe('lists and documents', () => {
  test('GL-058 GL-065 GL-066 GL-068 GL-069 every hash is that of what is sent, to each as far as they see', async () => {
    const server = await createTestServer()
    const { app } = server
    const { id } = await app.organization()
    await buildPackage(app, { organization: id, name: 'acme/one', versions: ['1.0.0', '1.1.0', 'dev-main'] })
    await buildPackage(app, { organization: id, name: 'acme/two' })
    const base = `/api/v4/group/${id}/-/packages/composer`
    const seen: string[][] = []

    for (const packages of [null, ['acme/two']]) {
      const { secret: token } = await app.token(id, 'read', packages)
      const root = (await server.json(`${base}/packages`, { token })) as {
        'provider-includes': Record<string, { sha256: string }>
      }
      const hash = root['provider-includes']['p/%hash%.json']?.sha256 ?? ''
      const list = await (await server.send(`${base}/p/${hash}.json`, { token })).text()
      expect(sha256(list)).toBe(hash)
      expect(await (await server.send(`${base}/p/123`, { token })).text()).toBe(list)
      const { providers } = JSON.parse(list) as { providers: Record<string, { sha256: string }> }
      for (const [name, provider] of Object.entries(providers)) {
        const file = await (await server.send(`${base}/${name}%24${provider.sha256}.json`, { token })).text()
        expect(sha256(file)).toBe(provider.sha256)
      }
      seen.push(Object.keys(providers))
    }
    expect(seen).toEqual([['acme/one', 'acme/two'], ['acme/two']])
  })

  test('the list of a moment ago is still there after a change, and its files', async () => {
    const server = await createTestServer()
    const { app } = server
    const { id } = await app.organization()
    await buildPackage(app, { organization: id })
    const { secret: token } = await app.token(id)
    const base = `/api/v4/group/${id}/-/packages/composer`
    const list = await (await server.send(`${base}/p/1`, { token })).text()
    const provider = (JSON.parse(list) as { providers: Record<string, { sha256: string }> }).providers[NAME]?.sha256 ?? ''

    await buildPackage(app, { organization: id, versions: ['1.0.0', '2.0.0'] })

    expect(await (await server.send(`${base}/p/${sha256(list)}.json`, { token })).text()).toBe(list)
    expect(sha256(await (await server.send(`${base}/${NAME}$${provider}.json`, { token })).text())).toBe(provider)
    expect(await (await server.send(`${base}/p/1`, { token })).text()).not.toBe(list)
  })

  test('GL-075 GL-080 GL-081 GL-082 GL-084 GL-086 GL-090 GL-092 GL-095 a version is its composer.json with four keys forced', async () => {
    const world = await createGitlabWorld()
    const headers = await reader(world)
    const list = JSON.parse(await getText(world, `${world.base}/p/1`, headers)) as {
      providers: Record<string, { sha256: string }>
    }
    const v1 = await getText(world, `${world.base}/${NAME}$${list.providers[NAME]?.sha256}.json`, headers)
    const v2 = await getText(world, `${world.base}/p2/${NAME}.json`, headers)

    expect(v2).toBe(v1)
    expect(await getText(world, `${world.base}/p2/${NAME}`, headers)).toBe(v1)
    const { packages } = JSON.parse(v1) as Document
    const versions = packages[NAME] ?? {}
    expect(Object.keys(versions)).toEqual(['1.0.0', 'dev-main'])
    const url = `http://packages.example.test/api/v4/projects/${world.project.id}/packages/composer/archives/${NAME}.zip?sha=`
    expect(versions['1.0.0']).toEqual({
      name: NAME,
      type: 'library',
      license: 'MIT',
      dist: { type: 'zip', url: url + world.tagged, reference: world.tagged, shasum: '' },
      source: { type: 'git', url: world.repository.url, reference: world.tagged },
      uid: expect.any(Number),
      version: '1.0.0',
    })
    expect(versions['1.0.0']?.uid).not.toBe(versions['dev-main']?.uid)
  })

  test('GL-083 what composer.json says is carried as it was written', async () => {
    const world = await createGitlabWorld()
    const raw =
      '{\n "name": "acme/http", "version": "2.0.0", "uid": 9, "dist": null, "source": {"x": 1},\n "extra": {"10": 1.0, "2": {}, "big": 12345678901234567890, "__proto__": []},\n "unknown-key": [ ] }'
    const [commit = ''] = await world.repository.commit({ files: { 'composer.json': raw } })
    await world.repository.setRefs({ 'refs/tags/v2.0.0': commit })
    const headers = await reader(world)
    expect((await world.publish({ tag: 'v2.0.0' }, headers)).status).toBe(201)

    const text = await getText(world, `${world.base}/p2/${NAME}`, headers)

    expect(text).toContain('"2.0.0":{"name":"acme/http","version":"2.0.0","uid":')
    expect(text).toContain('"extra":{"10":1.0,"2":{},"big":12345678901234567890,"__proto__":[]},"unknown-key":[]}')
  })

  test('GL-077 GL-078 GL-079 GL-091 what there is not', async () => {
    const world = await createGitlabWorld()
    const headers = await reader(world)
    const limited = { 'Deploy-Token': await world.deployToken({ packages: ['acme/other'] }) }

    for (const path of [
      NAME,
      `${NAME}$`,
      `${NAME}$.json`,
      `${NAME}.json`,
      'acme/unknown$1',
      'p2/acme/unknown',
      'p2/acme/unknown.json',
    ]) {
      const response = await world.send(`${world.base}/${path}`, { headers })
      expect([path, response.status, await response.text()]).toEqual([path, 404, '{"message":"404 Not Found"}'])
    }
    expect((await world.send(`${world.base}/p2/${NAME}`, { headers: limited })).status).toBe(404)
    expect((await world.send(`${world.base}/${NAME}$1`, { headers: limited })).status).toBe(404)
    expect((await world.send(`${world.base}/${NAME}$1234`, { headers })).status).toBe(200)
  })

  test('GL-076 GL-093 GL-094 GL-096 development versions alone, and names in any letter case', async () => {
    const world = await createGitlabWorld()
    const headers = await reader(world)
    const { packages } = JSON.parse(await getText(world, `${world.base}/p2/${NAME}~dev.json`, headers)) as Document

    expect(Object.keys(packages[NAME] ?? {})).toEqual(['dev-main'])
    expect(await getText(world, `${world.base}/p2/Acme/HTTP.json`, headers)).toBe(
      await getText(world, `${world.base}/p2/${NAME}`, headers),
    )
    await buildPackage(world.app, { organization: world.group.id, name: 'acme/stable' })
    expect((await world.send(`${world.base}/p2/acme/stable~dev.json`, { headers })).status).toBe(404)
    expect((await world.send(`${world.base}/p2/acme/unknown~dev.json`, { headers })).status).toBe(404)
  })

  test('GL-097 is not sent again while it is the same, on A and D', async () => {
    const world = await createGitlabWorld()
    const headers = await reader(world)
    for (const path of ['packages', 'packages.json', `p2/${NAME}.json`]) {
      const first = await world.send(`${world.base}/${path}`, { headers })
      const again = { headers: { ...headers, 'If-Modified-Since': first.headers.get('last-modified') ?? '' } }
      expect([path, (await world.send(`${world.base}/${path}`, again)).status]).toEqual([path, 304])
    }
    const before = (await world.send(`${world.base}/p2/${NAME}`, { headers })).headers.get('last-modified') ?? ''
    const [commit = ''] = await world.repository.commit(packageCommit({ description: 'Moved.' }))
    await world.repository.setRefs({ 'refs/heads/main': commit })
    await world.publish({ branch: 'main' }, headers)
    const after = await world.send(`${world.base}/p2/${NAME}`, { headers: { ...headers, 'If-Modified-Since': before } })
    expect(after.status).toBe(200)
  })

  test('GL-085 repositories are told as those may clone them who see them, and strangers only what is open', async () => {
    expect(cloneUrl('git@github.com:acme/http.git', 'public')).toBe('https://github.com/acme/http.git')
    expect(cloneUrl('https://github.com/acme/http.git', 'private')).toBe('git@github.com:acme/http.git')
    expect(cloneUrl('https://git.example.org/acme/http.git', 'internal')).toBe('https://git.example.org/acme/http.git')

    const world = await createGitlabWorld()
    await buildPackage(world.app, { organization: world.group.id, name: 'acme/open' })
    const { write } = world.app.ports.database
    await write.updateTable('sources').set({ visibility: 'public' }).execute()
    await world.show({ group: 'public' })
    const sourceOf = async (name: string, headers: Record<string, string>) => {
      const { packages } = JSON.parse(await getText(world, `${world.base}/p2/${name}`, headers)) as Document
      return packages[name]?.['1.0.0']?.source
    }

    expect(await sourceOf('acme/open', {})).toMatchObject({ url: 'https://git.example.org/acme/open.git' })
    expect(await sourceOf(NAME, {})).toBeUndefined()
    expect(await sourceOf(NAME, await reader(world))).toMatchObject({ url: world.repository.url })
    const canonical = await world.send(`/acme/p2/${NAME}.json`)
    expect(canonical.status).toBe(200)
    expect(await canonical.text()).not.toContain('"source"')
  })

  test('GL-099 GL-030 abuse 65: a group shows its subgroups and never its parent or another group', async () => {
    const server = await createTestServer()
    const { app } = server
    const acme = await app.organization('acme')
    const other = await app.organization('other')
    const sub = await createSuborganization(app.ctx(), { parent: acme, slug: 'sub', name: 'Sub' })
    await buildPackage(app, { organization: acme.id, name: 'acme/top' })
    await buildPackage(app, { organization: sub.id, name: 'acme/below' })
    await buildPackage(app, { organization: other.id, name: 'other/canary' })
    await buildPackage(app, { organization: sub.id, name: 'acme/top', versions: ['1.0.0', '9.0.0'] })
    const { secret: token } = await app.token(acme.id)
    const names = async (group: string | number, secret = token) => {
      const { providers } = (await server.json(`/api/v4/group/${group}/-/packages/composer/p/1`, { token: secret })) as {
        providers: Record<string, unknown>
      }
      return Object.keys(providers)
    }

    expect(await names('acme')).toEqual(['acme/below', 'acme/top'])
    expect(await names('ACME')).toEqual(['acme/below', 'acme/top'])
    expect(await names(acme.id)).toEqual(['acme/below', 'acme/top'])
    expect(await names('acme%2Fsub')).toEqual(['acme/below', 'acme/top'])
    expect(await names('acme%2fsub')).toEqual(['acme/below', 'acme/top'])
    const merged = (await server.json('/api/v4/group/acme/-/packages/composer/p2/acme/top', { token })) as Document
    expect(Object.keys(merged.packages['acme/top'] ?? {})).toEqual(['1.0.0', '9.0.0'])
    const own = (await server.json('/api/v4/group/acme%2Fsub/-/packages/composer/p2/acme/below', { token })) as Document
    expect(Object.keys(own.packages)).toEqual(['acme/below'])
    expect((await server.send(`/api/v4/group/${other.id}/-/packages/composer/packages`, { token })).status).toBe(404)

    const person = await buildMember(app, sub, 'below', 'member')
    const below = await buildPersonalToken(app, person)
    expect(await names('acme', below)).toEqual(['acme/below', 'acme/top'])
    expect((await server.send('/api/v4/group/acme/-/packages/composer/p2/acme/below', { token: below })).status).toBe(200)
  })
})
