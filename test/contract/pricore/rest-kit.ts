/** A server with two organizations, people in them, and tokens of every kind, for the tests of Pricore's management API. */
import { expect } from 'bun:test'
import { createPersonalToken, createToken, type TokenGrant } from '../../../src/core/access/index.ts'
import type { Role } from '../../../src/core/kernel/schema.ts'
import type { UserId } from '../../../src/core/kernel/values.ts'
import type { Organization } from '../../../src/core/organizations/index.ts'
import { pricoreRoutes } from '../../../src/surfaces/dialects/pricore/index.ts'
import type { TestApp } from '../../kit/app.ts'
import { packageIdOf } from '../../kit/build.ts'
import { createTestServer, type TestRequest, type TestServer } from '../../kit/http.ts'
import { buildMember, buildPerson } from '../../kit/members.ts'

export interface Answered {
  status: number
  headers: Headers
  body: unknown
}

export interface RestWorld {
  app: TestApp
  server: TestServer
  acme: Organization
  other: Organization
  /** An unrestricted token of the organization. */
  token: string
  call(method: string, path: string, request?: TestRequest & { json?: unknown }): Promise<Answered>
  organizationToken(grant?: Partial<TokenGrant>, organization?: Organization): Promise<string>
  personalToken(user: UserId, grant?: Partial<TokenGrant>): Promise<string>
  person(role: Role | null): Promise<UserId>
}

const GRANT = { name: 'token', scopes: null, packages: null, expiresAt: null } as const

export async function createRestWorld(): Promise<RestWorld> {
  const server = await createTestServer()
  const { app } = server
  const acme = await app.organization('acme')
  const other = await app.organization('other')
  const organizationToken: RestWorld['organizationToken'] = async (grant = {}, organization = acme) =>
    (await createToken(app.ctx(), { ...GRANT, ...grant, organization: organization.id })).secret
  const token = await organizationToken()
  return {
    app,
    server,
    acme,
    other,
    token,
    organizationToken,
    personalToken: async (user, grant = {}) => (await createPersonalToken(app.ctx(), { ...GRANT, ...grant, user })).secret,
    person: (role) => addPerson(app, acme, role),
    async call(method, path, { json, headers = {}, ...request } = {}) {
      const withToken = 'token' in request || 'Authorization' in headers ? {} : { Authorization: `Bearer ${token}` }
      const response = await server.send(path, {
        ...request,
        method,
        headers: { ...withToken, ...(json === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
        ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
    },
  }
}

let people = 0

async function addPerson(app: TestApp, organization: Organization, role: Role | null): Promise<UserId> {
  people += 1
  const name = `person-${people}`
  const { id } = role === null ? await buildPerson(app, name) : await buildMember(app, organization, name, role)
  return id
}

/** The address of the organization that most tests are about. */
export const ACME = '/api/organizations/acme'
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Checks an answer against the schema that the API documentation shows for the clause. */
export function conforms(clause: string, body: unknown): void {
  const route = pricoreRoutes().find(({ clauses }) => clauses.includes(clause))
  const schema = route?.operation?.answer.body
  expect(schema?.safeParse(body)).toMatchObject({ success: true })
}

export async function uidOf(world: RestWorld, name: string): Promise<string> {
  const id = await packageIdOf(world.app, world.acme.id, name)
  const row = await world.app.ports.database.read
    .selectFrom('packages')
    .select('uid')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return row.uid
}
