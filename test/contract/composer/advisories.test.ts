/** Security advisories as Composer and Pricore's clients ask for them, and what the registry says when it does not know. */
import { expect, test } from 'bun:test'
import { addAdvisory, type AddAdvisory } from '../../../src/core/advisories/index.ts'
import { createSuborganization } from '../../../src/core/access/index.ts'
import { buildPackage, buildToken } from '../../kit/build.ts'
import { BASE } from '../../kit/http.ts'
import { body, buildMirror, buildMirrored, setUpSafety, toldAdvisory } from './safety-fixture.ts'

const API = '/acme/api/security-advisories/'
const HOUR = 60 * 60 * 1000

function own(rest: Partial<AddAdvisory> & Pick<AddAdvisory, 'organization'>): AddAdvisory {
  return {
    packageName: 'acme/http',
    affectedVersions: '<1.1',
    title: 'Anybody can read everything',
    link: null,
    cve: null,
    severity: 'critical',
    reportedAt: null,
    isConfirmed: false,
    ...rest,
  }
}

test('CO-013 PR-103 the root says absolutely where the API is, and lets no client ask for a file of every package', async () => {
  const { root } = await setUpSafety()

  expect((await root())['security-advisories']).toEqual({
    metadata: false,
    'api-url': `${BASE}/acme/api/security-advisories/`,
  })
})

test('CO-134 CO-137 PR-120 a full advisory is told to a form with numbered keys as Composer sends it', async () => {
  const { form, receive } = await setUpSafety()
  await receive(toldAdvisory('acme/http'))

  const response = await form(API, 'packages%5B0%5D=acme%2Fhttp&packages%5B1%5D=acme%2Fabsent')

  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await body(response)).toEqual({
    advisories: {
      'acme/http': [
        {
          advisoryId: 'PKSA-bbbb-cccc-dddd',
          packageName: 'acme/http',
          affectedVersions: '>=1.0,<1.2|>=2.0,<2.0.1',
          title: 'Requests can be smuggled',
          link: 'https://advisories.example.org/1',
          cve: 'CVE-2026-1234',
          sources: [{ name: 'GitHub', remoteId: 'GHSA-0000-1111-2222' }],
          reportedAt: '2026-02-01T10:00:00+00:00',
          composerRepository: 'https://packagist.org/',
          severity: 'high',
          remoteId: 'GHSA-0000-1111-2222',
          source: 'GitHub',
        },
      ],
    },
  })
})

test.each([
  ['packages[]=acme/http'],
  ['packages%5B%5D=acme%2Fhttp&packages%5B%5D=ext-json'],
  ['packages[1]=acme/other&packages[0]=acme/http'],
  ['packages[]=ACME/Http'],
  ['packages[]=pkg:composer/acme/http'],
  ['packages[]=pkg:composer/acme%252Fhttp@1.0.0'],
  ['packages[]=pkg://composer/acme/http@1.0.0%3Fa=b'],
])('CO-134 the form %s names acme/http, and so does a query', async (parameters) => {
  const { form, get, receive } = await setUpSafety()
  await receive(toldAdvisory('acme/http'))

  for (const path of [API, API.replace(/\/$/, '')]) {
    const posted = await body(await form(path, parameters))
    const got = await body(await get(`${path}?${parameters}`))

    expect(Object.keys(posted['advisories'] as object)).toEqual(['acme/http'])
    expect(got).toEqual(posted)
  }
})

test.each([
  [''],
  ['packages=acme/http'],
  ['packages[a]=acme/http'],
  ['packages[1]=acme/http'],
  ['packages[0]=acme/http&packages[0]=acme/log'],
  ['packages[0][name]=acme/http'],
  ['packages[9999999]=acme/http'],
  ['names[]=acme/http'],
])('CO-134 the form "%s" is refused with 400 and the reason', async (parameters) => {
  const { form, get } = await setUpSafety()

  const posted = await form(API, parameters)
  const got = await get(`${API}?${parameters}`)

  expect([posted.status, got.status]).toEqual([400, 400])
  expect((await body(posted))['message']).toMatch(/^packages: /)
})

test('CO-134 more names than anybody has are refused, and so is a body that is too large', async () => {
  const { form } = await setUpSafety()

  const many = await form(API, Array.from({ length: 10_001 }, () => 'packages[]=a/b').join('&'))
  const large = await form(API, `packages[]=${'a'.repeat(3_000_000)}`)

  expect([many.status, large.status]).toEqual([400, 413])
})

test('CO-135 known names without advisories have an empty list, unknown names are absent, and nothing else is there', async () => {
  const { app, organization, form, receive } = await setUpSafety()
  const source = await buildMirror(app, organization.id)
  await buildMirrored(app, { organization: organization.id, source, name: 'upstream/log', versions: ['1.0.0'] })
  await receive(toldAdvisory('upstream/other'), toldAdvisory('acme/unasked', { advisoryId: 'PKSA-2', cve: null }))

  const answer = await body(
    await form(API, 'packages[]=acme/http&packages[]=upstream/log&packages[]=upstream/other&packages[]=a/b'),
  )

  expect(Object.entries(answer['advisories'] as object).map(([name, some]) => [name, (some as unknown[]).length])).toEqual([
    ['upstream/other', 1],
    ['acme/http', 0],
    ['upstream/log', 0],
  ])
  expect(Object.keys(answer)).toEqual(['advisories'])
})

test('CO-135 abuse 65 a token for some packages learns of others what everybody could, and nothing of those that are private', async () => {
  const { app, organization, send, receive } = await setUpSafety()
  await receive(toldAdvisory('acme/http'))
  await addAdvisory(app.ctx(), own({ organization: organization.id }))
  await addAdvisory(app.ctx(), own({ organization: organization.id, packageName: 'acme/secret' }))
  const { secret: token } = await buildToken(app, organization.id, { packages: ['acme/log'] })

  const response = await send(`${API}?packages[]=acme/http&packages[]=acme/secret&packages[]=acme/log`, { token })
  const since = await send(`${API}?updatedSince=0`, { token })

  const ids = async (one: Response) =>
    Object.values((await body(one))['advisories'] as Record<string, { advisoryId: string }[]>).flatMap((some) =>
      some.map(({ advisoryId }) => advisoryId),
    )
  expect(await ids(response)).toEqual(['PKSA-bbbb-cccc-dddd'])
  expect(await ids(since)).toEqual(['PKSA-bbbb-cccc-dddd'])
})

test('CO-136 updatedSince tells what changed since then, and is refused beside packages and out of range', async () => {
  const { app, get, receive } = await setUpSafety()
  await receive(toldAdvisory('acme/http'))
  app.clock.advance('2 hours')
  await receive(toldAdvisory('acme/http'), toldAdvisory('upstream/log', { advisoryId: 'PKSA-2', cve: null }))
  const now = Math.floor(app.clock.now() / 1000)
  const names = async (query: string) =>
    Object.keys((await body(await get(`${API}?${query}`)))['advisories'] as object).toSorted()

  expect(await names('updatedSince=0')).toEqual(['acme/http', 'upstream/log'])
  expect(await names(`updatedSince=${now - 60}`)).toEqual(['upstream/log'])
  expect(await names(`updatedSince=${now + 60}`)).toEqual([])
  for (const query of [
    `updatedSince=${now + 61}`,
    'updatedSince=-1',
    'updatedSince=yesterday',
    'updatedSince=0&packages[]=acme/http',
  ]) {
    expect((await get(`${API}?${query}`)).status).toBe(400)
  }
})

test.each([
  [API, 'none', 'none'],
  [API, null, null],
  [API, 'medium', 'medium'],
])('CO-137 at %s the severity %p is %p', async (path, severity, told) => {
  const { form, receive } = await setUpSafety()
  await receive(toldAdvisory('acme/http', { severity }))

  const answer = await body(await form(path, 'packages[]=acme/http'))

  expect(answer).toMatchObject({ advisories: { 'acme/http': [{ severity: told }] } })
})

test.each([['/acme/api/security-advisories'], ['/org/acme/api/security-advisories'], ['/org/acme/api/security-advisories/']])(
  'PR-120 PR-204 %s tells JSON what Pricore tells, and leaves out names without advisories',
  async (path) => {
    const { post, receive } = await setUpSafety()
    await receive(toldAdvisory('upstream/log', { severity: null }))

    const response = await post(path, { packages: ['upstream/log', 'acme/http', 'acme/absent'] })
    const nothing = await post(path, { packages: [] })

    expect(response.status).toBe(200)
    expect(await body(response)).toEqual({
      advisories: {
        'upstream/log': [
          {
            advisoryId: 'PKSA-bbbb-cccc-dddd',
            packageName: 'upstream/log',
            title: 'Requests can be smuggled',
            link: 'https://advisories.example.org/1',
            cve: 'CVE-2026-1234',
            affectedVersions: '>=1.0,<1.2|>=2.0,<2.0.1',
            sources: [{ name: 'GitHub', remoteId: 'GHSA-0000-1111-2222' }],
            reportedAt: '2026-02-01T10:00:00+00:00',
            composerRepository: 'https://packagist.org/',
            severity: 'unknown',
          },
        ],
      },
    })
    expect(await nothing.text()).toBe('{"advisories":{}}')
  },
)

test.each([
  [{}, 'The packages field must be present.', ['packages']],
  [{ packages: 'acme/http' }, 'The packages field must be an array.', ['packages']],
  [{ packages: { a: 'acme/http' } }, 'The packages field must be an array.', ['packages']],
  [
    { packages: [1, 'acme/http', null] },
    'The packages.0 field must be a string. (and 1 more error)',
    ['packages.0', 'packages.2'],
  ],
])('PR-120 the JSON %p is refused with 422 and the fields', async (value, message, fields) => {
  const { post } = await setUpSafety()

  for (const path of ['/acme/api/security-advisories', '/org/acme/api/security-advisories']) {
    const response = await post(path, value)
    const refusal = await body(response)

    expect(response.status).toBe(422)
    expect(refusal['message']).toBe(message)
    expect(Object.keys(refusal['errors'] as object)).toEqual(fields)
  }
})

test('PR-120 PR-204 a form is understood in the documented form, and refused there with 422; what is no JSON is 400', async () => {
  const { form, post, receive } = await setUpSafety()
  await receive(toldAdvisory('acme/http'))
  const path = '/org/acme/api/security-advisories'

  const told = await body(await form(path, 'packages[0]=acme/http'))

  expect(Object.keys(told['advisories'] as object)).toEqual(['acme/http'])
  expect((await form(path, 'packages=acme/http')).status).toBe(422)
  expect((await form(path, '')).status).toBe(422)
  expect((await post(path, '{')).status).toBe(400)
})

test.each([
  ['/acme/api/security-advisories', 401, 401, 404],
  ['/org/acme/api/security-advisories', 401, 401, 401],
])('PR-008 PR-120 %s is for those who belong to the organization alone', async (path, nobody, wrong, unknown) => {
  const { send, token } = await setUpSafety()
  const request = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"packages":["acme/http"]}' }

  const statuses = [
    (await send(path, request)).status,
    (await send(path, { ...request, token: 'wrong' })).status,
    (await send(path.replace('acme', 'other'), { ...request, token })).status,
  ]

  expect(statuses).toEqual([nobody, wrong, unknown])
})

test('CO-134 a suborganization has the API below its own address, with its own advisories', async () => {
  const { app, organization, form, send, receive } = await setUpSafety()
  await receive()
  const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Themes', slug: 'themes' })
  await buildPackage(app, { organization: child.id, name: 'acme/theme' })
  await addAdvisory(app.ctx(), own({ organization: child.id, packageName: 'acme/theme' }))
  const { secret: token } = await buildToken(app, child.id)

  const asked = await send('/acme/themes/api/security-advisories/', {
    method: 'POST',
    token,
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'packages[]=acme/theme',
  })
  const above = await body(await form(API, 'packages[]=acme/theme'))

  expect(Object.keys((await body(asked))['advisories'] as object)).toEqual(['acme/theme'])
  expect(above).toEqual({ advisories: {} })
})

test('CO-034 CO-040 the plain file has partial advisories, an empty list without any, and moves with each change', async () => {
  const { app, organization, get, metadata, receive } = await setUpSafety()
  await receive()
  const times: number[] = []
  const look = async () => {
    const response = await get('/acme/p2/acme/http.json')
    times.push(Date.parse(response.headers.get('last-modified') ?? ''))
    return (await body(response))['security-advisories']
  }

  expect(await look()).toEqual([])
  await receive(toldAdvisory('acme/http'))
  expect(await look()).toEqual([{ advisoryId: 'PKSA-bbbb-cccc-dddd', affectedVersions: '>=1.0,<1.2|>=2.0,<2.0.1' }])
  app.clock.advance('1 hours')
  const { advisoryId } = await addAdvisory(app.ctx(), own({ organization: organization.id }))
  expect(await look()).toEqual([
    { advisoryId, affectedVersions: '<1.1' },
    { advisoryId: 'PKSA-bbbb-cccc-dddd', affectedVersions: '>=1.0,<1.2|>=2.0,<2.0.1' },
  ])
  expect((await metadata('acme/http~dev'))['security-advisories']).toBeUndefined()
  expect(times).toEqual([...new Set(times)].toSorted((left, right) => left - right))
})

test('CO-034 CO-023 a package without releases has its advisories in the plain file, too', async () => {
  const { app, organization, metadata, receive } = await setUpSafety()
  await buildPackage(app, { organization: organization.id, name: 'acme/dev', versions: ['dev-main'] })
  await receive(toldAdvisory('acme/dev', { affectedVersions: '*' }))

  expect(await metadata('acme/dev')).toEqual({
    minified: 'composer/2.0',
    packages: { 'acme/dev': [] },
    'security-advisories': [{ advisoryId: 'PKSA-bbbb-cccc-dddd', affectedVersions: '*' }],
  })
})

test('CO-034 a registry that never received advisories says so, and "none" of no package', async () => {
  const { app, organization, form, root, metadata } = await setUpSafety()
  await addAdvisory(app.ctx(), own({ organization: organization.id, packageName: 'acme/known' }))

  const answer = await body(await form(API, 'packages[]=acme/http&packages[]=acme/known'))

  expect((await root())['warnings']).toEqual([
    { message: expect.stringContaining('has not received security advisories yet'), versions: '>=2.4' },
  ])
  expect(Object.keys(answer['advisories'] as object)).toEqual(['acme/known'])
  expect(answer['warnings']).toHaveLength(1)
  expect('security-advisories' in (await metadata())).toBe(false)
})

test('CO-034 where nobody is asked for advisories the root says it, and only private packages are vouched for', async () => {
  const { app, organization, form, root, metadata } = await setUpSafety({ feed: false })
  const source = await buildMirror(app, organization.id)
  await buildMirrored(app, { organization: organization.id, source, name: 'upstream/log', versions: ['1.0.0'] })

  const answer = await body(await form(API, 'packages[]=acme/http&packages[]=upstream/log'))

  expect(await root()).toMatchObject({ infos: [{ message: expect.stringContaining('asks nobody'), versions: '>=2.4' }] })
  expect(answer).toEqual({ advisories: { 'acme/http': [] } })
  expect((await metadata())['security-advisories']).toEqual([])
  expect('security-advisories' in (await metadata('upstream/log'))).toBe(false)
})

test.each([[{}], [{ publicUrl: BASE }]])(
  'CO-005 CO-034 CO-041 what is vouched for ends by the clock, also for answers that were remembered, and begins anew with the next feed (%j)',
  async (setting) => {
    const { app, get, receive } = await setUpSafety(setting)
    await receive()
    const look = async (path: string) => {
      const response = await get(path)
      const { headers } = response
      return { time: headers.get('last-modified') ?? '', etag: headers.get('etag') ?? '', json: await body(response) }
    }
    const [root, plain] = ['/acme/packages.json', '/acme/p2/acme/http.json']
    const fresh = { root: await look(root), plain: await look(plain) }

    app.clock.advance(24 * HOUR - 1000)
    const still = await get(root, { 'If-Modified-Since': fresh.root.time })
    app.clock.advance(1000)
    const changed = [
      await get(root, { 'If-Modified-Since': fresh.root.time }),
      await get(plain, { 'If-Modified-Since': fresh.plain.time }),
      await get(root, { 'If-None-Match': fresh.root.etag }),
    ]
    const stale = { root: await look(root), plain: await look(plain) }
    const same = await get(root, { 'If-Modified-Since': stale.root.time })
    await receive()
    const again = { root: await look(root), plain: await look(plain) }

    expect([still.status, ...changed.map(({ status }) => status), same.status]).toEqual([304, 200, 200, 200, 304])
    expect(fresh.root.json['warnings']).toBeUndefined()
    expect(stale.root.json['warnings']).toEqual([{ message: expect.stringContaining('2026-03-01 12:00 UTC'), versions: '>=2.4' }])
    expect(again.root.json['warnings']).toBeUndefined()
    expect([fresh, stale, again].map(({ plain: { json } }) => json['security-advisories'])).toEqual([[], undefined, []])
    for (const kind of ['root', 'plain'] as const) {
      const times = [fresh, stale, again].map((state) => Date.parse(state[kind].time))
      expect(times).toEqual([...new Set(times)].toSorted((left, right) => left - right))
    }
  },
)
