import { z } from 'zod'
import type { Operation } from '../../http/operation.ts'
import type { Call, Route } from '../../http/route.ts'
import { presentThrown } from './errors.ts'
import * as organizations from './organizations.ts'
import * as packages from './packages.ts'
import * as repositories from './repositories.ts'
import * as security from './security.ts'
import * as tokens from './tokens.ts'

type Handler = (call: Call) => Promise<Response>
type Described = Omit<Operation, 'tag' | 'refusals'> & { clause: string }

const Message = z.object({ message: z.string() })
const BASE = '/api/organizations'
const ONE = `${BASE}/:organization`

function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({ data: z.array(item) })
}

function one<Item extends z.ZodType>(item: Item) {
  return z.object({ data: item })
}

/** Pricore's documented management API (contracts/pricore.md §6). The Composer forms are routes of the repository, the hooks of `inbound`. */
export function pricoreRoutes(): Route[] {
  return [...organizationRoutes(), ...tokenRoutes()]
}

function organizationRoutes(): Route[] {
  return [
    route('GET', BASE, organizations.list, {
      clause: 'PR-301',
      summary: 'List organizations',
      scope: 'read:organizations',
      answer: { status: 200, body: listOf(organizations.OrganizationItem) },
    }),
    route('GET', ONE, organizations.show, {
      clause: 'PR-302',
      summary: 'Get an organization',
      scope: 'read:organizations',
      answer: { status: 200, body: one(organizations.OrganizationObject) },
    }),
    route('GET', `${ONE}/packages`, packages.list, {
      clause: 'PR-303',
      summary: 'List packages',
      scope: 'read:packages',
      query: [
        { name: 'search', description: 'a part of the name' },
        { name: 'page', description: 'from 1' },
        { name: 'per_page', description: '20 unless told, at most 100' },
      ],
      answer: { status: 200, body: listOf(packages.PackageItem).extend({ meta: packages.Meta }) },
    }),
    route('GET', `${ONE}/packages/:package{.+}`, packages.show, {
      clause: 'PR-304',
      summary: 'Get a package by its id or name',
      scope: 'read:packages',
      answer: { status: 200, body: one(packages.PackageObject) },
    }),
    route('GET', `${ONE}/repositories`, repositories.list, {
      clause: 'PR-305',
      summary: 'List repositories',
      scope: 'read:repositories',
      answer: { status: 200, body: listOf(repositories.RepositoryItem) },
    }),
    route('POST', `${ONE}/repositories/:repository/sync`, repositories.sync, {
      clause: 'PR-306',
      summary: 'Sync a repository now',
      scope: 'write:repositories',
      answer: { status: 200, body: Message },
    }),
    route('POST', `${ONE}/security/scan`, security.scan, {
      clause: 'PR-802',
      summary: 'Compare all packages with security advisories now',
      scope: 'advisory:write',
      answer: { status: 200, body: Message },
    }),
  ]
}

function tokenRoutes(): Route[] {
  return [
    route('GET', `${ONE}/tokens`, tokens.index, {
      clause: 'PR-307',
      summary: 'List tokens',
      scope: 'read:tokens',
      answer: { status: 200, body: listOf(tokens.TokenItem) },
    }),
    route('POST', `${ONE}/tokens`, tokens.create, {
      clause: 'PR-308',
      summary: 'Create a token',
      scope: 'write:tokens',
      body: tokens.TokenBody,
      answer: { status: 201, body: one(tokens.TokenCreated) },
    }),
    route('DELETE', `${ONE}/tokens/:token`, tokens.revoke, {
      clause: 'PR-309',
      summary: 'Revoke a token',
      scope: 'write:tokens',
      answer: { status: 200, body: Message },
    }),
  ]
}

const REFUSALS: Readonly<Record<number, string>> = {
  401: 'no token, or one that is not valid',
  403: 'another organization, a scope that is missing, or a role that is too low',
  404: 'no such organization, or nothing with this id in it',
  429: 'too many requests; Retry-After tells when to come again',
}

function route(method: Route['method'], path: string, handler: Handler, { clause, ...described }: Described): Route {
  const refusals = described.body === undefined ? REFUSALS : { ...REFUSALS, 400: 'no JSON', 422: 'a field breaks a rule' }
  return {
    method,
    path,
    surface: 'pricore',
    clauses: [clause, 'PR-310'],
    limit: { rule: 'api' },
    operation: { ...described, tag: 'Pricore', refusals },
    async handle(call) {
      try {
        return await handler(call)
      } catch (error) {
        return presentThrown(error)
      }
    },
  }
}
