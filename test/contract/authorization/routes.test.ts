/**
 * Every address below an organization × every class of credential (abuse 38, 65): whoever may not see an organization or a package cannot tell it
 * from one that does not exist, and finds no word of it anywhere. Routes come from the server's own table, so a new one is driven at once.
 */
import { beforeEach, describe, expect, test } from 'bun:test'
import { createPersonalToken, createToken, revokeToken } from '../../../src/core/access/index.ts'
import type { Organization } from '../../../src/core/organizations/index.ts'
import type { Route } from '../../../src/surfaces/http/route.ts'
import type { TestApp } from '../../kit/app.ts'
import { buildArchiveOf, buildPackage, commitId, packageIdOf } from '../../kit/build.ts'
import { createTestServer, type TestServer } from '../../kit/http.ts'

/** In every name and text of the organization that must stay hidden. */
const CANARY = 'zzcanary'
/** As long as the hidden slug, and nobody's. */
const NOTHING = 'zznobody'

const HOT = [
  '/:org/packages.json',
  '/:org/p2/:package.json',
  '/:org/p2/:package~dev.json',
  '/:org/dists/:package/1.0.0/:reference.zip',
].flatMap((path) => [path, `/org${path}`])
const OTHERS = ['/org/:org/packages/:package/1.0.0.zip']

const REFERENCE = commitId(`${CANARY}/tool 1.0.0`)

interface Address {
  method: string
  path: string
  surface: string
}

let app: TestApp
let server: TestServer
let hidden: Organization
let classes: Record<string, string | null>

beforeEach(async () => {
  server = await createTestServer()
  ;({ app } = server)
  app.leaveJobs()
  const own = await app.organization('acme')
  hidden = await app.organization(CANARY)
  await buildPackage(app, { organization: own.id })
  await buildPackage(app, { organization: hidden.id, name: `${CANARY}/tool`, description: `The ${CANARY} tool.` })
  const target = await packageIdOf(app, hidden.id, `${CANARY}/tool`)
  await buildArchiveOf(app, { package: target, reference: REFERENCE, bytes: new Uint8Array([80, 75, 5, 6]) })
  const grant = { name: 'token', scopes: null, packages: null, expiresAt: null }
  const foreign = await createToken(app.ctx(), { ...grant, organization: own.id })
  const expired = await createToken(app.ctx(), {
    ...grant,
    name: CANARY,
    organization: hidden.id,
    expiresAt: app.clock.now() - 1,
  })
  const revoked = await createToken(app.ctx(), { ...grant, name: CANARY, organization: hidden.id })
  await revokeToken(app.ctx(), { owner: { organization: hidden.id }, uid: revoked.token.uid })
  const elsewhere = await createToken(app.ctx(), { ...grant, organization: hidden.id, addresses: ['203.0.113.9'] })
  const user = await app.ports.database.write
    .insertInto('users')
    .values({ uid: 'stranger', email: 's@example.org', name: 'Stranger', password_hash: null, is_operator: 0, created_at: 1 })
    .returning('id')
    .executeTakeFirstOrThrow()
  const personal = await createPersonalToken(app.ctx(), { ...grant, user: user.id })
  classes = {
    'without a credential': null,
    'with an unknown token': 'rpt_unknown',
    'with an expired token': expired.secret,
    'with a revoked token': revoked.secret,
    'with a token of another organization': foreign.secret,
    'with a personal token of a stranger': personal.secret,
    'with its token from another address': elsewhere.secret,
  }
})

function addresses(): Address[] {
  const toAddress = ({ method, path, surface }: Route): Address => ({ method, path, surface })
  const routes = server.server.routes.map(toAddress).filter(({ path }) => /:org(anization)?\b/.test(path))
  return [...routes, ...[...HOT, ...OTHERS].map((path) => ({ method: 'GET', path, surface: 'repository' }))]
}

/** The address of something in one organization; what is not about a package is a word that names nothing. */
function fill(path: string, slug: string, name: string): string {
  const values: Record<string, string> = {
    org: slug,
    organization: slug,
    package: name,
    vendor: name.split('/')[0] ?? '',
    reference: REFERENCE,
  }
  const filled = path.replaceAll(/:([a-z]+)(\{[^/]*\})?/g, (_, key: string, pattern = '') => {
    const value = values[key] ?? (key === 'name' ? (name.split('/')[1] ?? '') : 'x')
    return String(pattern).includes('.json') ? `${value}.json` : value
  })
  return filled
}

async function ask({ method, path }: Pick<Address, 'method' | 'path'>, token: string | null): Promise<string> {
  const response = await server.send(path, {
    method,
    token,
    headers: { 'Content-Type': 'application/json' },
    ...(method === 'GET' || method === 'DELETE' ? {} : { body: '{}' }),
  })
  const body = await response.text()
  return `${response.status} ${body}`.replaceAll(CANARY, 'ORG').replaceAll(NOTHING, 'ORG')
}

/**
 * Whom the existence of the organization is kept from. Pricore tells a token of another organization that it is the wrong one (contract
 * pricore.md §3.2, PR-006, PR-008); a token at a wrong address is its own.
 */
function classesFor({ path, surface }: Address): [who: string, token: string | null][] {
  const isTold = surface === 'pricore' || path.startsWith('/org/')
  return Object.entries(classes).filter(
    ([who, token]) => token === null || (!isTold && who !== 'with its token from another address'),
  )
}

describe('an organization that somebody may not see', () => {
  test('abuse 38 answers like one that does not exist, at every address', async () => {
    const differences: string[] = []
    for (const address of addresses()) {
      const { method, path } = address
      for (const [who, token] of classesFor(address)) {
        const there = await ask({ method, path: fill(path, CANARY, `${CANARY}/tool`) }, token)
        const nowhere = await ask({ method, path: fill(path, NOTHING, `${NOTHING}/tool`) }, token)
        if (there !== nowhere) {
          differences.push(`${method} ${path} ${who}: ${there} | ${nowhere}`)
        }
      }
    }

    expect(differences).toEqual([])
  })

  test('abuse 38 abuse 65 shows no word of it to anybody, at no address', async () => {
    const slugs = [CANARY, 'acme']
    const questions = addresses().flatMap(({ method, path }) =>
      slugs.map((slug) => ({ method, path: fill(path, slug, `${CANARY}/tool`) })),
    )
    const leaks: string[] = []
    for (const { method, path } of questions) {
      for (const [who, token] of Object.entries(classes)) {
        const response = await server.send(path, { method, token, headers: { 'Content-Type': 'application/json' } })
        // The page for browsers and errors may repeat the address that was asked for.
        const body = (await response.text()).replaceAll(path, '').replaceAll(`/${CANARY}`, '')
        if (response.status < 400 && body.includes(CANARY)) {
          leaks.push(`${method} ${path} ${who}: ${response.status} ${body.slice(0, 200)}`)
        }
      }
    }

    expect(leaks).toEqual([])
  })

  test('abuse 38 a token from a wrong address is refused everywhere it would work', async () => {
    const { secret } = await createToken(app.ctx(), {
      organization: hidden.id,
      name: 'office',
      scopes: null,
      packages: null,
      addresses: ['203.0.113.0/24', '2001:db8::/32'],
      expiresAt: null,
    })
    const path = `/${CANARY}/p2/${CANARY}/tool.json`

    const statuses = []
    for (const peer of ['203.0.113.77', '198.51.100.1', '2001:db8::5', '::ffff:203.0.113.77', '2001:db9::5', '203.0.113.77']) {
      statuses.push((await server.send(path, { token: secret, peer })).status)
    }

    expect(statuses).toEqual([200, 403, 200, 200, 403, 200])
    const search = await server.send(`/${CANARY}/search.json?q=tool`, { token: secret, peer: '198.51.100.1' })
    expect(search.status).toBe(403)
  })
})

describe('a package that a token may not see', () => {
  test('abuse 38 answers like one that does not exist, at every address', async () => {
    const { secret } = await createToken(app.ctx(), {
      organization: hidden.id,
      name: 'limited',
      scopes: null,
      packages: ['other/*'],
      expiresAt: null,
    })
    const about = addresses().filter(({ path }) => /:(package|name|vendor)\b/.test(path))
    const differences: string[] = []
    for (const { method, path } of about) {
      const there = await ask({ method, path: fill(path, CANARY, `${CANARY}/tool`) }, secret)
      const nowhere = await ask({ method, path: fill(path, CANARY, `${NOTHING}/tool`) }, secret)
      if (there !== nowhere) {
        differences.push(`${method} ${path}: ${there} | ${nowhere}`)
      }
    }

    expect(differences).toEqual([])
  })
})
