import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { temporaryUpstream, type Upstream, type UpstreamOptions } from '../../../test/kit/upstream-server.ts'
import { listSources } from '../sources/index.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { addMirror, type AddMirror } from './add-mirror.ts'
import { changeMirror, orderMirrors } from './change-mirror.ts'
import { addMirroredPackages, listMirroredPackages } from './manage-mirrored-packages.ts'
import { getMirror, listMirrors, removeMirror, removeMirroredPackages, requestMirrorRefresh } from './manage-mirrors.ts'
import type { Mirror } from './mirror.ts'

const URL = 'https://composer.example.org'

async function createKit(): Promise<{
  app: TestApp
  organization: OrganizationId
  add(wanted: Partial<AddMirror>): Promise<Mirror>
}> {
  const app = await createTestApp()
  app.leaveJobs()
  const { id: organization } = await app.organization()
  return { app, organization, add: async (wanted) => (await addMirror(app.ctx(), { organization, url: URL, ...wanted })).mirror }
}

describe('a new mirror', () => {
  test('is asked after the others, is called like its host and adds packages on use', async () => {
    const { app, organization, add } = await createKit()
    await add({ url: 'https://first.example.org/packages.json' })
    await add({ url: 'https://second.example.org/composer/' })

    const mirrors = (await listMirrors(app.ctx(), organization)).map(({ mirror }) => mirror)
    expect(mirrors).toMatchObject([
      { name: 'first.example.org', url: 'https://first.example.org', position: 1, behavior: 'add_on_use', timeout: 10_000 },
      { name: 'second.example.org', url: 'https://second.example.org/composer', position: 2, state: 'new' },
    ])
    expect((await listSources(app.ctx(), { organization, page: { limit: 10, after: null } })).items).toEqual([])
  })

  test.each([
    ['ftp://example.org', 'scheme'],
    ['git@example.org:composer', 'scheme'],
    ['https://user:secret@example.org', 'credentials'],
    ['https://example.org/?token=secret', 'query'],
    ['file:///etc', 'scheme'],
    ['https://example.org/../x', 'path'],
    ['https://packages.example.org', 'path'],
    ['https://packages.example.org/acme/packages.json', 'path'],
    ['', 'empty'],
  ])('of %p is refused by the rule %p', async (url, rule) => {
    const { add } = await createKit()

    await expect(add({ url })).rejects.toMatchObject({ code: 'invalid_url', details: { rule } })
  })

  test.each([
    [{ timeout: 4_999 }, 'timeout'],
    [{ timeout: 30_001 }, 'timeout'],
    [{ refreshSeconds: 59 }, 'interval'],
    [{ name: ' ' }, 'name'],
    [{ only: ['Not A Name!'] }, 'packages'],
    [{ credential: { kind: 'headers', headers: {} } }, 'credential'],
    [{ credential: { kind: 'headers', headers: { Host: 'other' } } }, 'credential'],
    [{ credential: { kind: 'headers', headers: { 'X-Token': 'a\r\nB: c' } } }, 'credential'],
    [{ credential: { kind: 'ssh_key', privateKey: 'x' } }, 'credential'],
  ] as const)('with %p is refused', async (wanted, field) => {
    const { add } = await createKit()

    await expect(add(wanted)).rejects.toMatchObject({ code: 'invalid_input', details: { field } })
  })

  test('of an upstream that is mirrored already is refused', async () => {
    const { add } = await createKit()
    await add({})

    await expect(add({ url: `${URL}/` })).rejects.toMatchObject({ code: 'mirror_exists' })
  })
})

describe('changing a mirror', () => {
  test('abuse 31 of another host needs the credential anew, or removed', async () => {
    const { app, add } = await createKit()
    const mirror = await add({ credential: { kind: 'bearer', token: 'secret-of-upstream' } })

    await expect(changeMirror(app.ctx(), mirror, { url: 'https://evil.example.net' })).rejects.toMatchObject({
      code: 'credential_origin',
    })
    const moved = await changeMirror(app.ctx(), mirror, { url: `${URL}/other` })
    expect(moved.mirror).toMatchObject({ url: `${URL}/other`, credential: mirror.credential })
    const freed = await changeMirror(app.ctx(), moved.mirror, { url: 'https://other.example.net', credential: null })
    expect(freed.mirror).toMatchObject({ credential: null, root: null })
    expect(await app.ports.database.read.selectFrom('credentials').select('id').execute()).toEqual([])
  })

  test('what is left out stays', async () => {
    const { app, add } = await createKit()
    const mirror = await add({ name: 'Upstream', only: ['psr/*'], takesAll: true })

    const { mirror: changed } = await changeMirror(app.ctx(), mirror, { timeout: 20_000 })
    expect(changed).toMatchObject({ name: 'Upstream', only: ['psr/*'], takesAll: true, timeout: 20_000 })
  })

  test('the order names each mirror once', async () => {
    const { app, organization, add } = await createKit()
    const [first, second] = [await add({}), await add({ url: 'https://second.example.org' })]

    await expect(orderMirrors(app.ctx(), organization, [first.uid])).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(orderMirrors(app.ctx(), organization, [first.uid, first.uid])).rejects.toMatchObject({ code: 'invalid_input' })
    expect((await orderMirrors(app.ctx(), organization, [second.uid, first.uid])).map(({ id }) => id)).toEqual([
      second.id,
      first.id,
    ])
  })
})

async function createMirrored(
  options: UpstreamOptions,
  wanted: Partial<AddMirror> = {},
): Promise<{
  app: TestApp
  upstream: Upstream
  organization: OrganizationId
  mirror: Mirror
}> {
  const app = await createTestApp()
  const upstream = await temporaryUpstream(options)
  const { id: organization } = await app.organization()
  const { mirror } = await addMirror(app.ctx(), { organization, url: upstream.url, behavior: 'manual', ...wanted })
  await app.runJobs()
  return { app, upstream, organization, mirror }
}

const PACKAGES = { 'psr/log': ['1.0.0'], 'psr/http': ['1.0.0'] }

describe('packages of a mirror', () => {
  test('are added by name, each by a job of its own', async () => {
    const { app, mirror } = await createMirrored({ packages: PACKAGES })

    const jobs = await addMirroredPackages(app.ctx(), mirror, ['PSR/Log', 'psr/http', 'psr/none'])
    expect(jobs.map(({ name }) => name)).toEqual(['psr/http', 'psr/log', 'psr/none'])
    app.expectFailedJobs(1)
    await app.runJobs()
    const found = await listMirroredPackages(app.ctx(), mirror, { after: '', limit: 10 })
    expect(found).toMatchObject([
      { name: 'psr/http', upstream: 'present' },
      { name: 'psr/log', upstream: 'present' },
    ])
  })

  test('are not added where the rules or reservations do not let them in', async () => {
    const { app, mirror } = await createMirrored({ packages: PACKAGES }, { except: ['psr/http'] })

    const add = (name: string) => addMirroredPackages(app.ctx(), mirror, [name])
    await expect(add('psr/http')).rejects.toMatchObject({ code: 'invalid_input' })
    await expect(add('acme/tool')).rejects.toMatchObject({ code: 'package_reserved' })
    await expect(add('no name')).rejects.toMatchObject({ code: 'invalid_input' })
    const { mirror: disabled } = await changeMirror(app.ctx(), mirror, { behavior: 'disabled' })
    await expect(addMirroredPackages(app.ctx(), disabled, ['psr/log'])).rejects.toMatchObject({ code: 'mirror_disabled' })
    await expect(requestMirrorRefresh(app.ctx(), disabled)).rejects.toMatchObject({ code: 'mirror_disabled' })
  })

  test('keep their mirror from being removed, unless they go, too', async () => {
    const { app, organization, mirror } = await createMirrored({ packages: PACKAGES })
    await addMirroredPackages(app.ctx(), mirror, Object.keys(PACKAGES))
    await app.runJobs()

    await expect(removeMirror(app.ctx(), mirror, { packages: 'refuse' })).rejects.toMatchObject({
      code: 'mirror_has_packages',
      details: { packages: 2 },
    })
    await removeMirror(app.ctx(), mirror, { packages: 'delete' })
    await expect(getMirror(app.ctx(), { organization, uid: mirror.uid })).rejects.toMatchObject({ code: 'mirror_not_found' })
    expect(await app.ports.database.read.selectFrom('packages').select('id').execute()).toEqual([])
    await expect(removeMirror(app.ctx(), mirror, { packages: 'delete' })).rejects.toMatchObject({ code: 'mirror_not_found' })
  })

  test('may be removed alone', async () => {
    const { app, organization, mirror } = await createMirrored({ packages: PACKAGES })
    await addMirroredPackages(app.ctx(), mirror, Object.keys(PACKAGES))
    await app.runJobs()

    expect(await removeMirroredPackages(app.ctx(), mirror)).toBe(2)
    expect(await getMirror(app.ctx(), { organization, uid: mirror.uid })).toMatchObject({ packages: 0 })
  })
})
