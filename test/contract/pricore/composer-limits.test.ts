/** Contract pricore.md §3.3 on the documented form, `/org/{org}/…`. */
import { expect, test } from 'bun:test'
import { buildToken } from '../../kit/build.ts'
import { REFERENCE, setUpAcme } from './composer-fixture.ts'

const ROOT = '/org/acme/packages.json'
const METADATA = '/org/acme/p2/acme/http.json'
const ARCHIVE = '/org/acme/packages/acme/http/1.0.0.zip'
const DIST = `/org/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`

test('PR-017 requests count down the limit of their token, on the documented form alone', async () => {
  const { app, organization, get, send } = await setUpAcme()
  const { secret: other } = await buildToken(app, organization)
  const remaining = async (path: string) => (await get(path)).headers.get('x-ratelimit-remaining')

  expect([await remaining(ROOT), await remaining(METADATA), await remaining(METADATA)]).toEqual(['999', '998', '997'])
  expect((await send(ROOT, { token: other })).headers.get('x-ratelimit-remaining')).toBe('999')
  expect(await remaining('/acme/packages.json')).toBeNull()
  const { headers } = await get(ROOT)
  expect(headers.get('x-ratelimit-limit')).toBe('1000')
  expect(Number(headers.get('x-ratelimit-reset')) * 1000).toBeGreaterThan(app.clock.now())
})

test('PR-018 downloads have a limit of 100 per package; beyond it is 429 until the minute is over', async () => {
  const { app, get } = await setUpAcme()
  for (let count = 0; count < 100; count += 1) {
    expect((await get(count % 2 === 0 ? ARCHIVE : DIST)).status).toBe(200)
  }

  const refused = await get(ARCHIVE)
  const elsewhere = await get('/org/acme/packages/acme/other/1.0.0.zip')
  const metadata = await get(METADATA)
  app.clock.advance(60_000)

  expect(refused.status).toBe(429)
  expect(await refused.text()).toBe('{"message":"Too Many Attempts."}')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect([elsewhere.status, metadata.status, (await get(ARCHIVE)).status]).toEqual([404, 200, 200])
  expect((await get(`/acme/dists/acme/http/1.0.0/${REFERENCE}.zip`)).headers.has('x-ratelimit-limit')).toBe(false)
})
