import { expect, test } from 'bun:test'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { BASE, createTestServer } from '../../kit/http.ts'

const REFERENCE = commitId('acme/http 1.0.0')
const HTTP = {
  name: 'acme/http',
  version: '1.0.0',
  dist: { type: 'zip', url: `${BASE}/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`, reference: REFERENCE, shasum: '' },
}
const body = (...packages: unknown[]) => JSON.stringify({ packages, 'packages-dev': [] })

async function setUp() {
  const server = await createTestServer()
  const { app } = server
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, versions: [{ version: '1.0.0', reference: REFERENCE }] })
  const target = await packageIdOf(app, organization)
  await buildArchiveOf(app, { package: target, reference: REFERENCE, bytes: Buffer.from('zip') })
  const { secret: token } = await buildToken(app, organization)
  return { ...server, organization, token }
}

test('a lock file is compared with what the token sees of the repository', async () => {
  const { app, organization, send, token } = await setUp()
  const limited = await buildToken(app, organization, { packages: ['other/*'] })

  const seen = await send('/acme/api/locks', { method: 'POST', token, body: body(HTTP) })
  const unseen = await send('/acme/api/locks', { method: 'POST', token: limited.secret, body: body(HTTP) })

  expect(seen.status).toBe(200)
  expect(await seen.json()).toEqual({
    status: 'ok',
    advisories: 'off',
    packages: [
      {
        name: 'acme/http',
        version: '1.0.0',
        isForDevelopment: false,
        reference: REFERENCE,
        installs: { from: 'here', host: null },
        archive: 'present',
        findings: [],
      },
    ],
  })
  expect(await unseen.json()).toMatchObject({
    status: 'findings',
    packages: [{ archive: 'unavailable', findings: [{ kind: 'unknown' }] }],
  })
})

test('its archives are got by a job that the token can watch', async () => {
  const { app, send, json, token } = await setUp()

  const response = await send('/acme/api/locks?prefetch=true', { method: 'POST', token, body: body(HTTP) })
  const { prefetch } = (await response.json()) as { prefetch: { id: string; state: string; url: string } }
  const path = prefetch.url.slice(BASE.length)

  expect(response.status).toBe(202)
  expect(path).toBe(`/acme/api/locks/${prefetch.id}`)
  expect(await json(path, { token })).toEqual({ id: prefetch.id, state: 'queued', progress: null, packages: null })
  await app.runJobs()
  expect(await json(path, { token })).toMatchObject({
    state: 'succeeded',
    packages: [{ name: 'acme/http', version: '1.0.0', reference: REFERENCE, archive: 'present' }],
  })
})

test('abuse 65: a job of another repository, or of another kind, does not exist', async () => {
  const { app, send, token } = await setUp()
  const other = await app.organization('other')
  const foreign = await buildToken(app, other.id)
  const response = await send('/acme/api/locks?prefetch=true', { method: 'POST', token, body: body(HTTP) })
  const { prefetch } = (await response.json()) as { prefetch: { id: string } }
  await app.runJobs()

  expect((await send(`/other/api/locks/${prefetch.id}`, { token: foreign.secret })).status).toBe(404)
  expect((await send(`/acme/api/locks/${prefetch.id}`, { token: foreign.secret })).status).toBe(404)
  expect((await send('/acme/api/locks/nothing', { token })).status).toBe(404)
})

test('what is no lock file is refused with the place of the fault', async () => {
  const { send, token } = await setUp()
  const post = (text: string, query = '') => send(`/acme/api/locks${query}`, { method: 'POST', token, body: text })

  expect((await post('<html>')).status).toBe(400)
  const fault = await post(body(HTTP, { name: 'acme/b' }))
  expect(fault.status).toBe(400)
  expect(await fault.json()).toMatchObject({ message: expect.stringContaining('packages[1].version') })
  expect((await post(body(HTTP), '?prefetch=yes')).status).toBe(400)
  expect((await post(`{"packages":[],"x":"${'x'.repeat(8 * 1024 * 1024)}"}`)).status).toBe(413)
  expect((await send('/acme/api/locks', { method: 'POST', body: body(HTTP) })).status).toBe(401)
})
