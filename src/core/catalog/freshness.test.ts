/**
 * Every change shows at the very next request: exactly so on SQLite, whoever made it, and within one second on a database server
 * when another process made it.
 */
import { expect, test } from 'bun:test'
import { createCtx } from '../../app.ts'
import { SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildPackage, buildToken } from '../../../test/kit/build.ts'
import { createTestServer } from '../../../test/kit/http.ts'
import { revokeToken } from '../access/index.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { deletePackagesOfSource, findPackage } from '../packages/index.ts'

const SERVER_DELAY = 1_000

/** Who makes the changes: the serving process itself, or another one over a connection of its own. */
const WRITERS = ['this process', 'another process'] as const

async function setUp(writer: (typeof WRITERS)[number]) {
  const server = await createTestServer()
  const { app } = server
  const other: TestApp = { ...app, ports: { ...app.ports, database: app.test.openAnother() } }
  const changing: TestApp =
    writer === 'this process' ? app : { ...other, ctx: (actor) => createCtx(other.ports, actor ?? { kind: 'operator' }, ORIGIN) }
  const { id: organization } = await app.organization()
  const { secret, uid } = await buildToken(app, organization)
  return {
    ...server,
    app,
    changing,
    organization,
    uid,
    token: secret,
    /** Asks for the status that must show now, or within a second where another process changed a database server. */
    async expectStatus(path: string, token: string, status: number): Promise<void> {
      const mayLag = app.test.kind === 'postgres' && writer === 'another process'
      const deadline = performance.now() + (mayLag ? SERVER_DELAY : 0)
      let found = (await server.send(path, { token })).status
      while (found !== status && performance.now() < deadline) {
        await Bun.sleep(20)
        found = (await server.send(path, { token })).status
      }
      expect(found).toBe(status)
    },
  }
}

const ORIGIN = { surface: 'test', address: null, agent: null, requestId: null }
const METADATA = '/acme/p2/acme/http.json'
const ROOT = '/acme/packages.json'

async function removePackage(app: TestApp, organization: OrganizationId): Promise<void> {
  const target = await findPackage(app.ports.database.write, organization, 'acme/http')
  if (target === null) {
    throw new Error('There is no package to delete.')
  }
  await app.ctx(SYSTEM).transaction((tx) => deletePackagesOfSource(tx, organization, target.source))
}

test.each(WRITERS)('CO-059 a token that %s revokes is refused', async (writer) => {
  const { changing, organization, uid, token, expectStatus } = await setUp(writer)
  await expectStatus(ROOT, token, 200)

  await revokeToken(changing.ctx(), { owner: { organization }, uid })

  await expectStatus(ROOT, token, 401)
})

test.each(WRITERS)('CO-062 a token that %s creates works, and only for its packages', async (writer) => {
  const { changing, organization, token, expectStatus } = await setUp(writer)
  await buildPackage(changing, { organization })
  await expectStatus(METADATA, token, 200)

  const { secret } = await buildToken(changing, organization, { packages: ['acme/other'] })

  await expectStatus(ROOT, secret, 200)
  await expectStatus(METADATA, secret, 404)
})

test.each(WRITERS)('CO-040 a package that %s publishes, hides and deletes comes and goes', async (writer) => {
  const { app, changing, organization, token, json, expectStatus } = await setUp(writer)
  const names = async () => {
    const document = (await json(METADATA, { token })) as { packages: Record<string, { version: string }[]> }
    return document.packages['acme/http']?.map(({ version }) => version)
  }
  const settle = () => (app.test.kind === 'postgres' && writer === 'another process' ? Bun.sleep(SERVER_DELAY) : null)
  await expectStatus(METADATA, token, 404)

  await buildPackage(changing, { organization, versions: ['1.0.0'] })
  await expectStatus(METADATA, token, 200)
  await buildPackage(changing, { organization, versions: ['1.0.0', '1.1.0'] })
  await settle()
  expect(await names()).toEqual(['1.1.0', '1.0.0'])
  await buildPackage(changing, { organization, versions: ['1.1.0'] })
  await settle()
  expect(await names()).toEqual(['1.1.0'])
  await removePackage(changing, organization)

  await expectStatus(METADATA, token, 404)
})

test('CO-059 a token expires by the clock without any change', async () => {
  const { app, organization, expectStatus } = await setUp('this process')
  const { secret } = await buildToken(app, organization, { expiresAt: app.clock.now() + 1_000 })
  await expectStatus(ROOT, secret, 200)

  app.clock.advance(1_000)

  await expectStatus(ROOT, secret, 401)
})

test('CO-041 CO-042 under concurrent publishing no document is older than its Last-Modified says', async () => {
  const { app, organization, token, send } = await setUp('this process')
  const published = new Map<number, number>()
  const versions = (count: number) => Array.from({ length: count }, (_, index) => `1.${index}.0`)
  await buildPackage(app, { organization, versions: versions(1) })
  let publishing = true
  const writer = (async () => {
    for (let count = 2; count <= 25; count += 1) {
      await buildPackage(app, { organization, versions: versions(count) })
      const target = await findPackage(app.ports.database.write, organization, 'acme/http')
      published.set(target?.modifiedAt ?? 0, count)
      await Bun.sleep(1)
    }
    publishing = false
  })()
  const seen: { at: number; count: number }[] = []
  const read = async () => {
    while (publishing) {
      const response = await send(METADATA, { token })
      const at = Date.parse(response.headers.get('last-modified') ?? '') / 1000
      const document = (await response.json()) as { packages: Record<string, unknown[]> }
      seen.push({ at, count: document.packages['acme/http']?.length ?? 0 })
      await Bun.sleep(0)
    }
  }

  await Promise.all([writer, read(), read(), read()])

  const stale = seen.filter(({ at, count }) => count < (published.get(at) ?? 0))
  expect(stale).toEqual([])
  expect(new Set(seen.map(({ at }) => at)).size).toBeGreaterThan(2)
  const last = (await (await send(METADATA, { token })).json()) as { packages: Record<string, unknown[]> }
  expect(last.packages['acme/http']).toHaveLength(25)
})
