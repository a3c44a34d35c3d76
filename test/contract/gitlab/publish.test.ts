import { describe, expect, test } from 'bun:test'
import { addSource, setRefRules } from '../../../src/core/sources/index.ts'
import { packageCommit, temporaryRepository } from '../../kit/git-source.ts'
import { listFiles } from './zip-names.ts'
import { buildDeveloper, createGitlabWorld, NAME, type GitlabWorld } from './gitlab-kit.ts'

type Document = { packages: Record<string, Record<string, { uid: number; dist: { reference: string }; description?: string }>> }

async function writer(world: GitlabWorld): Promise<Record<string, string>> {
  return { 'Deploy-Token': await world.deployToken() }
}

async function versionsOf(world: GitlabWorld, headers: Record<string, string>, name = NAME) {
  const response = await world.send(`${world.base}/p2/${name}`, { headers })
  return response.status === 200 ? (((await response.json()) as Document).packages[name] ?? {}) : {}
}

async function tag(world: GitlabWorld, ref: string, content: string | Record<string, unknown> | null): Promise<string> {
  const [commit = ''] = await world.repository.commit(
    typeof content === 'object' && content !== null
      ? packageCommit(content)
      : { files: content === null ? { 'README.md': '' } : { 'composer.json': content } },
  )
  await world.repository.setRefs({ [ref]: commit })
  return commit
}

async function told(response: Response): Promise<[number, unknown]> {
  return [response.status, await response.json()]
}

describe('publishing', () => {
  test('GL-098 GL-105 GL-106 GL-128 GL-119 a ref that was pushed a moment ago, twice', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    await tag(world, 'refs/tags/v1.2.99', {})
    await tag(world, 'refs/heads/master', {})

    expect(await told(await world.publish({ tag: 'v1.2.99' }, headers))).toEqual([201, { message: '201 Created' }])
    expect(await told(await world.publish({ branch: 'master' }, headers))).toEqual([201, { message: '201 Created' }])
    const first = await versionsOf(world, headers)
    expect(Object.keys(first)).toEqual(['1.0.0', '1.2.99', 'dev-main', 'dev-master'])
    expect((await world.publish({ tag: 'v1.2.99' }, headers)).status).toBe(201)
    expect(await versionsOf(world, headers)).toEqual(first)
  })

  test('GL-041 GL-107 GL-108 GL-109 GL-110 GL-111 GL-282 GL-283 GL-284 what is wrong with the parameters, also for nobody', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)

    expect(await told(await world.publish({}))).toEqual([400, { error: expect.stringContaining('tag, branch are missing') }])
    expect((await world.publish({}, headers)).status).toBe(400)
    expect(await told(await world.publish({ tag: 'a', branch: 'b' }))).toEqual([
      400,
      { error: 'tag, branch are mutually exclusive' },
    ])
    expect(await told(await world.publish({ tag: '' }, headers))).toEqual([400, { message: '400 Bad request' }])
    expect(await told(await world.publish({ tag: 'v9' }, headers))).toEqual([404, { message: '404 Tag Not Found' }])
    expect(await told(await world.publish({ branch: 'x' }, headers))).toEqual([404, { message: '404 Branch Not Found' }])
    for (const name of ['a..b', '-x', 'refs/tags/v1', 'a b', 'a.lock', 'HEAD', 'a~1', 'x/', '@{']) {
      expect([name, ...(await told(await world.publish({ tag: name }, headers)))]).toEqual([
        name,
        400,
        { message: 'The tag refname is invalid' },
      ])
    }
    expect(await told(await world.publish({ branch: 'a..b' }, headers))).toEqual([
      400,
      { message: 'The branch refname is invalid' },
    ])
  })

  test('GL-112 GL-113 GL-114 GL-124 GL-285 GL-286 GL-287 GL-290 what is wrong with composer.json, and nothing is published', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const unparsed = { message: 'Could not parse composer.json file. Invalid JSON.' }
    const cases: [content: string | null, status: number, body: unknown][] = [
      [null, 422, { message: 'The file composer.json was not found.' }],
      ['', 422, unparsed],
      ['{"name": ', 422, unparsed],
      ['[]', 422, unparsed],
      ['null', 422, unparsed],
      ['"x"', 422, unparsed],
    ]

    for (const [content, status, body] of cases) {
      await tag(world, 'refs/tags/v3.0.0', content)
      world.app.events.length = 0
      expect([content, ...(await told(await world.publish({ tag: 'v3.0.0' }, headers)))]).toEqual([content, status, body])
      expect(world.app.events.some(({ type }) => type.startsWith('version.'))).toBe(false)
    }
    expect(Object.keys(await versionsOf(world, headers))).toEqual(['1.0.0', 'dev-main'])
  })

  test('GL-115 a composer.json without a name, or with one that no package may have', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    for (const content of ['{"description": "x"}', '{"name": "No Name"}', '{"name": 1}']) {
      await tag(world, 'refs/tags/v3.0.0', content)
      expect([content, ...(await told(await world.publish({ tag: 'v3.0.0' }, headers)))]).toEqual([
        content,
        400,
        { message: expect.stringMatching(/^Validation failed: Name/) },
      ])
    }
  })

  test('GL-112 GL-285 also where the whole repository has no composer.json', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit({ files: { 'README.md': '' } })
    await repository.setRefs({ 'refs/heads/main': commit })
    const { source } = await addSource(world.app.ctx(), { organization: world.group.id, url: repository.url, credential: null })
    await world.app.runJobs()
    world.app.leaveJobs()

    expect(await told(await world.publish({ branch: 'main' }, headers, source.id))).toEqual([
      422,
      { message: 'The file composer.json was not found.' },
    ])
    expect(await told(await world.publish({ branch: 'other' }, headers, source.id))).toEqual([
      404,
      { message: '404 Branch Not Found' },
    ])
  })

  test('GL-116 a name that another project has', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({ name: 'acme/second' }))
    await repository.setRefs({ 'refs/heads/main': commit })
    const { source } = await addSource(world.app.ctx(), { organization: world.group.id, url: repository.url, credential: null })
    await world.app.runJobs()
    const [thief = ''] = await repository.commit(packageCommit({}))
    await repository.setRefs({ 'refs/heads/main': thief })

    expect(await told(await world.publish({ branch: 'main' }, headers, source.id))).toEqual([
      400,
      { message: 'Validation failed: Name is already taken by another project' },
    ])
  })

  test('GL-118 a tag that is no version', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const semver = { message: 'Validation failed: Version should follow SemVer: https://semver.org' }
    for (const name of ['v1.0', '1.0.0.0', '1.0.0RC1', 'release-1.0.0', 'V1.0.1']) {
      await tag(world, `refs/tags/${name}`, {})
      expect([name, ...(await told(await world.publish({ tag: name }, headers)))]).toEqual([name, 400, semver])
    }
    for (const [name, version] of [
      ['1.7', '1.7.x-dev'],
      ['v2', '2.x-dev'],
      ['feature/x', 'dev-feature/x'],
    ] as const) {
      await tag(world, `refs/heads/${name}`, {})
      expect([name, (await world.publish({ branch: name }, headers)).status]).toEqual([name, 201])
      expect(Object.keys(await versionsOf(world, headers))).toContain(version)
    }
  })

  test('GL-120 GL-123 GL-288 a moved tag keeps its id; an annotated one is its commit', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const before = (await versionsOf(world, headers))['1.0.0']
    const moved = await tag(world, 'refs/tags/v1.0.0', { description: 'Moved.' })

    expect((await world.publish({ tag: 'v1.0.0' }, headers)).status).toBe(201)
    const after = (await versionsOf(world, headers))['1.0.0']
    expect(after).toMatchObject({ uid: before?.uid, dist: { reference: moved }, description: 'Moved.' })
    await world.repository.git(['-c', 'user.name=a', '-c', 'user.email=a@b', 'tag', '-a', '-m', 'x', 'v4.0.0', moved])
    expect((await world.publish({ tag: 'v4.0.0' }, headers)).status).toBe(201)
    expect((await versionsOf(world, headers))['4.0.0']?.dist.reference).toBe(moved)
  })

  test('GL-122 a JSON body, a multipart body and the query', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const path = `/api/v4/projects/${world.project.id}/packages/composer`
    const form = new FormData()
    form.set('tag', 'v1.0.0')
    const multipart = new Response(form)
    const requests = [
      { headers: { ...headers, 'Content-Type': 'application/json' }, body: '{"tag":"v1.0.0"}' },
      {
        headers: { ...headers, 'Content-Type': multipart.headers.get('content-type') ?? '' },
        body: new Uint8Array(await multipart.arrayBuffer()),
      },
    ]

    for (const request of requests) {
      expect((await world.working(path, { method: 'POST', ...request })).status).toBe(201)
    }
    expect((await world.working(`${path}?tag=v1.0.0`, { method: 'POST', headers })).status).toBe(201)
    const broken = { ...headers, 'Content-Type': 'application/json' }
    expect((await world.working(path, { method: 'POST', headers: broken, body: '{' })).status).toBe(400)
  })

  test('a failure of a moment ago is not told again: the repository is asked', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const repository = await temporaryRepository()
    const { source } = await addSource(world.app.ctx(), { organization: world.group.id, url: repository.url, credential: null })
    await world.app.runJobs()
    const [commit = ''] = await repository.commit(packageCommit({ name: 'acme/late' }))
    await repository.setRefs({ 'refs/tags/v1.0.0': commit, 'refs/heads/main': commit })

    expect((await world.publish({ tag: 'v1.0.0' }, headers, source.id)).status).toBe(201)
    expect(Object.keys(await versionsOf(world, headers, 'acme/late'))).toEqual(['1.0.0', 'dev-main'])
  })

  test('GL-127 two at once make one version', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    await tag(world, 'refs/tags/v5.0.0', {})
    const sent = Promise.all([world.publish({ tag: 'v5.0.0' }, headers), world.publish({ tag: 'v5.0.0' }, headers)])

    expect((await sent).map(({ status }) => status)).toEqual([201, 201])
    const rows = await world.app.ports.database.read.selectFrom('versions').select('id').where('version', '=', 'v5.0.0').execute()
    expect(rows).toHaveLength(1)
  })

  test('a repository that cannot be reached is told as such, with when to come again, and keeps its versions', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    await world.repository.remove()

    const response = await world.publish({ tag: 'v1.0.0' }, headers)
    world.app.leaveJobs()

    expect(response.status).toBe(502)
    expect(response.headers.get('retry-after')).toBe('30')
    expect(Object.keys(await versionsOf(world, headers))).toEqual(['1.0.0', 'dev-main'])
  })

  test('GL-121 GL-151 GL-163 GL-164 GL-289 a version that was deleted is gone until it is published again, as a new one', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const people = [
      await buildDeveloper(world, 'developer'),
      await buildDeveloper(world, 'stranger'),
      await buildDeveloper(world, 'maintainer'),
    ]
    const [developer = '', stranger = '', maintainer = ''] = people.map(({ token }) => token)
    const before = (await versionsOf(world, headers))['1.0.0']
    const path = `/api/v4/projects/${world.project.id}/packages/${before?.uid}`
    const remove = (token: string | null) =>
      world.send(path, { method: 'DELETE', headers: token === null ? {} : { 'Private-Token': token } })
    const archive = `/api/v4/projects/${world.project.id}/packages/composer/archives/${NAME}.zip?sha=${world.tagged}`
    expect((await world.working(archive, { headers })).status).toBe(200)
    const list = async () => (await world.send(`${world.base}/p/1`, { headers })).text()
    const listed = await list()

    expect([(await remove(developer)).status, (await remove(stranger)).status, (await remove(null)).status]).toEqual([
      403, 404, 401,
    ])
    const removed = await remove(maintainer)
    expect([removed.status, await removed.text()]).toEqual([204, ''])

    expect(Object.keys(await versionsOf(world, headers))).toEqual(['dev-main'])
    expect(await list()).not.toBe(listed)
    expect((await world.send(archive, { headers })).status).toBe(404)
    expect((await world.publish({ branch: 'main' }, headers)).status).toBe(201)
    expect(Object.keys(await versionsOf(world, headers))).toEqual(['dev-main'])
    expect((await world.publish({ tag: 'v1.0.0' }, headers)).status).toBe(201)
    const after = (await versionsOf(world, headers))['1.0.0']
    expect(after?.dist.reference).toBe(world.tagged)
    expect(after?.uid).not.toBe(before?.uid)
  })
})

describe('names', () => {
  test('GL-117 a name is free when all of its versions were deleted', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({ description: 'The new owner.' }))
    await repository.setRefs({ 'refs/heads/main': commit })
    const { source } = await addSource(world.app.ctx(), { organization: world.group.id, url: repository.url, credential: null })
    await world.app.runJobs()
    expect((await world.publish({ branch: 'main' }, headers, source.id)).status).toBe(400)

    for (const { uid } of Object.values(await versionsOf(world, headers))) {
      const path = `/api/v4/projects/${world.project.id}/packages/${uid}`
      expect((await world.send(path, { method: 'DELETE', headers })).status).toBe(204)
    }
    expect(await versionsOf(world, headers)).toEqual({})

    expect((await world.publish({ branch: 'main' }, headers, source.id)).status).toBe(201)
    expect((await versionsOf(world, headers))['dev-main']).toMatchObject({ description: 'The new owner.' })
  })

  test('GL-129 a ref with another name is a version of another package, where refs are read by their own names', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    await setRefRules(world.app.ctx(), world.project, 'literal')
    await world.app.runJobs()
    await tag(world, 'refs/tags/v7.0.0', { name: 'acme/renamed' })

    expect((await world.publish({ tag: 'v7.0.0' }, headers)).status).toBe(201)
    expect(Object.keys(await versionsOf(world, headers, 'acme/renamed'))).toEqual(['7.0.0'])
    expect(Object.keys(await versionsOf(world, headers))).toContain('1.0.0')
  })
})

describe('archives', () => {
  test('GL-135 GL-136 GL-144 GL-150 GL-152 have their headers and bytes, by either name of the project, also of an old commit', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    await tag(world, 'refs/heads/main', { description: 'Newer.' })
    await world.publish({ branch: 'main' }, headers)
    const at = (project: number | string, sha: string) =>
      `/api/v4/projects/${project}/packages/composer/archives/${NAME}.zip?sha=${sha}`
    const path = world.project.path ?? ''

    for (const sha of [world.tagged, world.head, world.head.toUpperCase()]) {
      const one = await world.working(at(world.project.id, sha), { headers })
      const two = await world.working(at(`acme%2F${path}`, sha), { headers })
      const id = sha.toLowerCase()
      expect([one.status, two.status]).toEqual([200, 200])
      expect(one.headers.get('content-type')).toBe('application/zip')
      expect(one.headers.get('content-disposition')).toBe(`attachment; filename="${path}-${id}-${id}.zip"`)
      expect(one.headers.get('content-transfer-encoding')).toBe('binary')
      const bytes = await one.bytes()
      expect(bytes).toEqual(await two.bytes())
      expect(listFiles(bytes)).toContain(`${path}-${id}-${id}/composer.json`)
      expect(listFiles(bytes).every((name) => name.startsWith(`${path}-${id}-${id}/`))).toBe(true)
    }
  })

  test('GL-142 GL-143 GL-039 need a commit and the right end of the name, and answer HEAD and ranges', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const base = `/api/v4/projects/${world.project.id}/packages/composer/archives/${NAME}`
    const ends = ['', '.tar.gz', '.tar', '.rar']

    expect(await told(await world.send(`${base}.zip`))).toEqual([400, { error: 'sha is missing' }])
    expect((await world.send(`${base}.zip?sha=`, { headers })).status).toBe(404)
    for (const end of ends) {
      expect([end, (await world.working(`${base}${end}?sha=${world.tagged}`, { headers })).status]).toEqual([end, 404])
    }
    const full = await world.working(`${base}.zip?sha=${world.tagged}`, { headers })
    const size = (await full.bytes()).byteLength
    const head = await world.send(`${base}.zip?sha=${world.tagged}`, { method: 'HEAD', headers })
    expect([head.status, head.headers.get('content-length'), (await head.bytes()).byteLength]).toEqual([200, String(size), 0])
    const part = await world.send(`${base}.zip?sha=${world.tagged}`, { headers: { ...headers, Range: 'bytes=0-3' } })
    expect([part.status, await part.text()]).toEqual([206, 'PK\u0003\u0004'])
  })

  test('GL-148 are counted when they were sent in full, and told as the day of the last download', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const path = `/api/v4/projects/${world.project.id}/packages/composer/archives/${NAME}.zip?sha=`
    const lastDays = async () => {
      await world.server.server.usage.fold(world.app.ports.database.write)
      world.app.ports.database.touched()
      const listed = await world.send(`/api/v4/projects/${world.project.id}/packages`, { headers })
      const items = (await listed.json()) as { version: string; last_downloaded_at: string | null }[]
      return items.map(({ version, last_downloaded_at }) => [version, last_downloaded_at])
    }

    await world.send(`${path}${'f'.repeat(40)}`, { headers })
    expect((await lastDays()).toSorted()).toEqual([
      ['1.0.0', null],
      ['dev-main', null],
    ])
    await world.working(`${path}${world.tagged}`, { headers })
    expect((await lastDays()).toSorted()).toEqual([
      ['1.0.0', '2026-03-01T00:00:00.000Z'],
      ['dev-main', null],
    ])
  })

  test('GL-149 leave out what export-ignore says', async () => {
    const world = await createGitlabWorld()
    const headers = await writer(world)
    const [commit = ''] = await world.repository.commit(
      packageCommit({}, { '.gitattributes': '/tests export-ignore\n', 'tests/a.php': '', 'src/b.php': '' }),
    )
    await world.repository.setRefs({ 'refs/tags/v6.0.0': commit })
    await world.publish({ tag: 'v6.0.0' }, headers)
    const path = `/api/v4/projects/${world.project.id}/packages/composer/archives/${NAME}.zip?sha=${commit}`
    const files = listFiles(await (await world.working(path, { headers })).bytes())

    expect(files.some((name) => name.endsWith('/src/b.php'))).toBe(true)
    expect(files.some((name) => name.includes('/tests/'))).toBe(false)
  })
})
