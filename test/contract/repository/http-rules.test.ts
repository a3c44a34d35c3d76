/** What holds for every address: methods, unknown paths, spellings of paths, hosts, errors. */
import { expect, test } from 'bun:test'
import { DomainError, ERROR_CATALOGUE, type ErrorCode } from '../../../src/core/kernel/errors.ts'
import { RESERVED_SLUGS, RESERVED_SUBORGANIZATION_SLUGS } from '../../../src/core/organizations/index.ts'
import { domainErrorResponse } from '../../../src/surfaces/http/errors.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { createTestServer, type WantedServer } from '../../kit/http.ts'

const REFERENCE = commitId('acme/http 1.0.0')
const DIST = `/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`

async function setUp(wanted: WantedServer = {}) {
  const server = await createTestServer(wanted)
  const { app } = server
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization })
  const target = await packageIdOf(app, organization)
  await buildArchiveOf(app, { package: target, reference: REFERENCE, bytes: new Uint8Array([1, 2, 3]) })
  const { secret: token } = await buildToken(app, organization)
  return { ...server, app, organization, token }
}

const READABLE = [
  '/health',
  '/up',
  '/ready',
  '/acme/packages.json',
  '/acme/p2/acme/http.json',
  DIST,
  '/acme/list.json',
  '/acme/search.json?q=http',
]

test.each(READABLE)('%s answers GET and HEAD and names them to other methods', async (path) => {
  const { send, token } = await setUp()

  expect((await send(path, { token })).status).toBe(200)
  expect((await send(path, { token, method: 'HEAD' })).status).toBe(200)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const refused = await send(path, { token, method })
    expect(refused.status).toBe(405)
    expect(refused.headers.get('allow')).toBe('GET, HEAD')
    expect(refused.headers.get('content-type')).toBe('application/json')
  }
})

test.each(['/acme/notify-batch', '/acme/downloads'])('%s answers POST alone', async (path) => {
  const { send, token } = await setUp()

  const refused = await send(path, { token })

  expect(refused.status).toBe(405)
  expect(refused.headers.get('allow')).toBe('POST')
})

test.each([
  '/',
  '/acme/unknown/unknown',
  '/acme/p2',
  '/acme/p2/acme.json',
  '/acme/p2/a/b/c.json',
  '/a/b/c/d/e',
  '/packages.json',
  '/.env',
  '/acme/dists/x.zip',
])('CO-063 the unknown path %s is 404 in JSON, with and without a token', async (path) => {
  const { send, token } = await setUp()
  for (const credential of [token, null]) {
    const response = await send(path, { token: credential, headers: { Accept: 'text/html' } })

    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toMatchObject({ status: 'error' })
  }
})

/** Spellings of one thing that must be decided alike; the runtime resolves dot segments before anybody sees them. */
test.each<[string, readonly string[]]>([
  [
    '/acme/p2/acme/http.json',
    [
      '/acme/p2/acme%2Fhttp.json',
      '/acme/p2/acme%2fhttp.json',
      '/acme/p2/%61cme/http.json',
      '/acme/x/../p2/acme/http.json',
      '/acme/x/%2e%2e/p2/acme/http.json',
      '/%61%63me/p2/acme/http%2Ejson',
    ],
  ],
  [
    '/acme/packages/acme/http.json',
    ['/acme/packages/acme%2Fhttp.json', '/acme/./packages/acme/http.json', '/acme/packages/acme/%68ttp.json'],
  ],
])('abuse 37 every spelling of %s is decided alike', async (path, spellings) => {
  const { app, organization, send, token } = await setUp()
  const { secret: limited } = await buildToken(app, organization, { packages: ['acme/other'] })
  for (const spelling of [path, ...spellings]) {
    expect((await send(spelling, { token })).status).toBe(200)
    expect((await send(spelling, { token: limited })).status).toBe(404)
    expect((await send(spelling)).status).toBe(401)
  }
})

test.each([
  '/acme/p2/..%2f..%2fetc/passwd',
  '/acme/p2/%2F%2F..%2Fetc%2Fpasswd',
  '/acme/p2/..%5c..%5cetc.json',
  '/acme/p2/acme/http.json%00',
  '/acme/p2/acme/http.json%0d%0aX-Injected:%201',
  '/acme/p2/acme%252Fhttp.json',
  '/acme/packages/acme%252Fhttp.json',
  '/acme/packages/acme%252Fhttp/x.json',
  '/acme/p2/acme%25252Fhttp.json',
  '/acme/p2/acme/%2e%2e%2fhttp.json',
  '/acme/p2/acme/http;v=1.json',
  '/acme/p2//acme/http.json',
  '/acme//p2/acme/http.json',
  '/acme/p2/acme/http.json/',
  '/acme/p2/acme/%c0%af.json',
  '/acme/p2/acme/%ff.json',
  '/acme/p2/acme/%.json',
  '/acme/p2/acme/%zz.json',
  `/acme/p2/acme/${'a'.repeat(64_000)}.json`,
  '/acme/dists/acme/http/1.0.0/..%2f..%2f..%2f..%2fetc%2fpasswd.zip',
  `/acme/dists/acme/http/1.0.0/%2e%2e/${REFERENCE}.zip/../../x`,
  '/acme/dists/acme/http/1.0.0/*.zip',
])('abuse 37 the path %s names nothing', async (path) => {
  const { send, token } = await setUp()

  const response = await send(path, { token })

  expect(response.status).toBe(404)
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(response.headers.has('x-injected')).toBe(false)
})

test('abuse 43 forwarding headers of a client that is no trusted proxy are ignored', async () => {
  const { send, token } = await setUp({ config: { trustedProxies: ['10.0.0.0/8'] } })
  const forged = {
    'X-Forwarded-For': '127.0.0.1',
    'X-Forwarded-Host': 'evil.example',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Prefix': '/evil',
    Forwarded: 'for=127.0.0.1;host=evil.example;proto=https',
  }

  const untrusted = await (await send('/acme/packages.json', { token, headers: forged })).text()
  const trusted = await (await send('/acme/packages.json', { token, headers: forged, peer: '10.1.2.3' })).text()

  expect(untrusted).toContain('http://packages.example.test/acme/')
  expect(untrusted).not.toContain('evil')
  expect(trusted).toContain('https://evil.example/acme/')
  expect(trusted).not.toContain('/evil/')
})

test('abuse 43 with a public URL no header decides about URLs, whoever sends it', async () => {
  const { send, token } = await setUp({ config: { publicUrl: 'https://registry.example', trustedProxies: ['10.0.0.0/8'] } })

  const response = await send('/acme/packages.json', {
    token,
    peer: '10.1.2.3',
    base: 'http://evil.example',
    headers: { 'X-Forwarded-Host': 'evil.example' },
  })
  const text = await response.text()

  expect(text).toContain('https://registry.example/acme/')
  expect(text).not.toContain('evil')
})

test('abuse 43 what is kept for one host is never given to another', async () => {
  const { send, token } = await setUp()
  for (const path of ['/acme/packages.json', '/acme/p2/acme/http.json']) {
    const foreign = await (await send(path, { token, base: 'http://evil.example' })).text()
    const own = await (await send(path, { token })).text()

    expect(foreign).toContain('http://evil.example/')
    expect(own).toContain('http://packages.example.test/')
    expect(own).not.toContain('evil')
  }
})

test.each(['a b', 'host/path', 'user@host', '<script>', 'host:99999999', 'x'.repeat(300), ''])(
  'abuse 43 a Host of %p is refused with 400 in JSON',
  async (host) => {
    const { server } = await setUp()
    const request = new Request('http://x/acme/packages.json', { headers: { Host: host } })

    const response = await server.handle(request, '192.0.2.1')

    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/json')
  },
)

const STATUSES: Record<ErrorCode, number> = {
  invalid_input: 400,
  invalid_url: 400,
  unauthenticated: 401,
  forbidden: 403,
  scope_missing: 403,
  scope_exceeds_own: 403,
  foreign_organization: 403,
  not_member: 403,
  user_required: 403,
  address_refused: 403,
  organization_not_found: 404,
  package_not_found: 404,
  version_not_found: 404,
  dist_not_found: 404,
  source_not_found: 404,
  token_not_found: 404,
  job_not_found: 404,
  hook_not_found: 404,
  webhook_not_found: 404,
  delivery_not_found: 404,
  webhook_disabled: 409,
  mail_refused: 502,
  mail_unavailable: 503,
  hook_refused: 403,
  version_exists: 409,
  sync_overtaken: 409,
  source_replaced: 409,
  ref_not_found: 404,
  ref_refused: 400,
  sync_pending: 503,
  archive_refused: 400,
  manifest_refused: 400,
  upload_mismatch: 400,
  checksum_mismatch: 400,
  definition_refused: 400,
  archive_differs: 502,
  sign_in_required: 401,
  sign_in_refused: 401,
  sign_in_expired: 401,
  second_factor_refused: 401,
  confirmation_required: 403,
  password_refused: 403,
  cross_site_refused: 403,
  link_not_valid: 410,
  user_not_found: 404,
  session_not_found: 404,
  factor_not_found: 404,
  factor_exists: 409,
  passkey_refused: 400,
  passkeys_unavailable: 409,
  sole_owner: 409,
  setup_not_open: 410,
  slug_taken: 409,
  email_taken: 409,
  member_not_found: 404,
  already_member: 409,
  owner_protected: 403,
  last_owner: 409,
  team_not_found: 404,
  team_exists: 409,
  already_invited: 409,
  invitation_not_found: 404,
  invitation_closed: 410,
  limit_reached: 409,
  source_exists: 409,
  package_taken: 409,
  job_not_retryable: 409,
  credential_origin: 400,
  mirror_not_found: 404,
  mirror_exists: 409,
  mirror_has_packages: 409,
  incident_not_found: 404,
  mirror_disabled: 409,
  package_reserved: 404,
  package_blocked: 410,
  upstream_failed: 502,
  upstream_paused: 503,
  advisory_not_found: 404,
  advisory_exists: 409,
  finding_not_found: 404,
  filter_entry_not_found: 404,
  message_not_found: 404,
  source_unreachable: 502,
  source_refused: 502,
  source_limited: 503,
  source_moved: 502,
  source_timeout: 502,
  source_too_large: 413,
  source_invalid: 502,
  egress_blocked: 403,
  archive_too_large: 413,
  archive_failed: 503,
  storage_unavailable: 503,
  body_too_large: 413,
  request_limited: 429,
  shutting_down: 503,
}

test('CO-063 every error code has its status and a JSON body that a client shows', async () => {
  const actual: Record<string, number> = {}
  for (const code of Object.keys(ERROR_CATALOGUE) as ErrorCode[]) {
    const response = domainErrorResponse(new DomainError(code, { problem: '<b>"x"</b>' }))
    actual[code] = response.status
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(response.headers.get('cache-control')).toBe('private, no-store')
    expect(await response.json()).toMatchObject({ status: 'error', message: expect.any(String) })
    expect(response.headers.has('retry-after')).toBe([429, 503].includes(response.status))
  }

  expect(actual).toEqual(STATUSES)
})

test('a bug is answered with 500 and the id under which the log has it, and nothing else', async () => {
  const { app, send, token } = await setUp({
    renderer: () => ({
      render: () => Promise.reject(new Error('secret detail')),
    }),
  })

  const response = await send('/acme/p2/acme/http.json', { token })
  const body = (await response.json()) as Record<string, string>

  expect(response.status).toBe(500)
  expect(body).toEqual({ status: 'error', message: 'Something went wrong on the server.', request: expect.any(String) })
  const logged = app.warnings.splice(0)
  expect(logged).toHaveLength(1)
  expect(logged[0]).toContain(body['request'] ?? 'none')
  expect(logged[0]).toContain('secret detail')
})

test('every first segment of a route is reserved as an organization, every second one as a suborganization', async () => {
  const { server } = await setUp()
  const patterns = [
    ...server.routes.map((route) => route.path),
    '/:org/packages.json',
    '/:org/p2/x',
    '/:org/dists/x',
    '/:org/p/x',
  ]
  const paths = patterns.map((path) => path.replaceAll(/\{[^}]*\}/g, ''))
  const first = paths.map((path) => path.split('/')[1] ?? '').filter((segment) => !segment.startsWith(':'))
  const second = paths
    .filter((path) => path.startsWith('/:'))
    .map((path) => path.split('/')[2] ?? '')
    .filter((segment) => segment !== '' && !segment.startsWith(':'))

  expect(first.filter((segment) => !RESERVED_SLUGS.has(segment))).toEqual([])
  expect(second.filter((segment) => !RESERVED_SUBORGANIZATION_SLUGS.has(segment))).toEqual([])
})
