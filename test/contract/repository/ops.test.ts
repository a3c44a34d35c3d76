import { expect, test } from 'bun:test'
import { buildPackage, buildToken } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'

test.each(['/health', '/up', '/ready'])('PR-901 %s says that all is well', async (path) => {
  const { send } = await createTestServer()

  const response = await send(path)

  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(await response.json()).toEqual({ status: 'ok' })
})

test('/ready is 503 without the database, while /health goes on', async () => {
  const { app, send } = await createTestServer()
  Object.assign(app.ports.database, { ping: () => Promise.reject(new Error('away')) })

  const away = await send('/ready')

  expect(away.status).toBe(503)
  expect(away.headers.get('retry-after')).toBe('5')
  expect(await away.json()).toEqual({ status: 'error', message: 'The database does not answer.' })
  expect((await send('/health')).status).toBe(200)
  expect(app.warnings.splice(0).join('')).toContain('The database does not answer.')
})

test('a process that runs jobs answers to supervision and to nobody else', async () => {
  const { app, send } = await createTestServer({ serving: 'ops' })
  const { id: organization } = await app.organization()
  const { secret: token } = await buildToken(app, organization)

  expect((await send('/ready')).status).toBe(200)
  expect((await send('/acme/packages.json', { token })).status).toBe(404)
  expect((await send('/acme', { headers: { Accept: 'text/html' } })).status).toBe(404)
})

const METRICS_TOKEN = 'metrics-token-of-this-test'

test.each<[string, { peer: string; headers?: Record<string, string> }, number]>([
  ['loopback', { peer: '127.0.0.1' }, 200],
  ['loopback of IPv6', { peer: '::1' }, 200],
  ['loopback mapped into IPv6', { peer: '::ffff:127.0.0.1' }, 200],
  ['elsewhere', { peer: '192.0.2.1' }, 401],
  ['elsewhere, with a wrong token', { peer: '192.0.2.1', headers: { Authorization: 'Bearer wrong' } }, 401],
  ['elsewhere, with the token', { peer: '192.0.2.1', headers: { Authorization: `Bearer ${METRICS_TOKEN}` } }, 200],
  ['elsewhere, claiming loopback', { peer: '192.0.2.1', headers: { 'X-Forwarded-For': '127.0.0.1' } }, 401],
  ['a proxy on the same machine', { peer: '127.0.0.1', headers: { 'X-Forwarded-For': '127.0.0.1' } }, 401],
  ['a trusted proxy', { peer: '10.0.0.1', headers: { 'X-Forwarded-For': '127.0.0.1' } }, 401],
])('/metrics asked from %s', async (_, request, status) => {
  const { send } = await createTestServer({ config: { metricsToken: METRICS_TOKEN, trustedProxies: ['10.0.0.1'] } })

  expect((await send('/metrics', request)).status).toBe(status)
})

test('/metrics without a configured token is for loopback alone', async () => {
  const { send } = await createTestServer()

  expect((await send('/metrics', { headers: { Authorization: 'Bearer ' } })).status).toBe(401)
  expect((await send('/metrics', { headers: { Authorization: 'Bearer null' } })).status).toBe(401)
  expect((await send('/metrics', { peer: '127.0.0.1' })).status).toBe(200)
})

/** A line of the text format: a comment, or a name with labels and a number. */
const LINE = /^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{\w+="[^"\n]*"(?:,\w+="[^"\n]*")*\})? (?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf))$/

test('/metrics is Prometheus text with what was served, and names no organization or package', async () => {
  const { app, send } = await createTestServer()
  const { id: organization } = await app.organization('canary-org')
  await buildPackage(app, { organization, name: 'canary/package' })
  const { secret: token } = await buildToken(app, organization)
  for (const path of [
    '/canary-org/p2/canary/package.json',
    '/canary-org/p2/canary/package.json',
    '/canary-org/p2/canary/none.json',
    '/none/at/all',
  ]) {
    await send(path, { token })
  }

  const response = await send('/metrics', { peer: '127.0.0.1' })
  const text = await response.text()

  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(
    text
      .trimEnd()
      .split('\n')
      .filter((line) => !LINE.test(line)),
  ).toEqual([])
  expect(text).toContain('repertoire_requests_total{surface="repository",status="200"} 2')
  expect(text).toContain('repertoire_requests_total{surface="repository",status="404"} 1')
  expect(text).toContain('repertoire_requests_total{surface="none",status="404"} 1')
  expect(text).toContain('repertoire_answers_total{outcome="hit"} 1')
  expect(text).toContain('repertoire_request_duration_seconds_bucket{surface="repository",le="+Inf"} 3')
  expect(text).toContain('repertoire_sources{state="ready"} 1')
  expect(text).not.toContain('canary')
})
