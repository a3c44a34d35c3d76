import { z } from 'zod'
import {
  addUser,
  createPasswordLink,
  deleteUserAccount,
  listUsers,
  removeSecondFactors,
  signOutUser,
  switchUser,
  type UserSwitch,
} from '../../core/access/index.ts'
import { passwordPath } from '../../core/accounts/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { MAX_PAGE } from '../../core/kernel/paging.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, readJson } from './console-route.ts'
import { presentUser } from './present-user.ts'

const Empty = z.strictObject({})
const NewPerson = z.strictObject({ email: z.string(), name: z.string(), isOperator: z.boolean().default(false) })

const SWITCHES: readonly UserSwitch[] = ['disable', 'enable', 'promote', 'demote']

/** The people of the instance, for its operators. */
export function userRoutes(): Route[] {
  return [
    consoleRoute('GET', '/app/api/users', list),
    consoleRoute('POST', '/app/api/users', create),
    consoleRoute('DELETE', '/app/api/users/:uid', remove),
    ...SWITCHES.map((to) => consoleRoute('POST', `/app/api/users/:uid/${to}`, (call) => turn(call, to))),
    consoleRoute('POST', '/app/api/users/:uid/password-link', makeLink),
    consoleRoute('POST', '/app/api/users/:uid/remove-second-factors', removeFactors),
    consoleRoute('POST', '/app/api/users/:uid/sign-out', endSessions),
  ]
}

async function list({ ctx, query }: Call): Promise<Response> {
  const after = query.get('after')
  if (after !== null && !/^\d{1,15}$/.test(after)) {
    throw invalidInput('after', 'give the cursor of the page before')
  }
  const { items, next } = await listUsers(ctx, { limit: MAX_PAGE, after: after === null ? null : Number(after) })
  return json({ users: items.map(presentUser), next })
}

async function create(call: Call): Promise<Response> {
  const body = await readJson(call, NewPerson)
  const { user, linkSecret } = await addUser(call.ctx, { ...body, password: null })
  return json({ user: presentUser(user), link: linkSecret === null ? null : call.baseUrl + passwordPath(linkSecret) }, 201)
}

async function remove({ ctx, params }: Call): Promise<Response> {
  await deleteUserAccount(ctx, params['uid'] ?? '')
  return done()
}

async function turn(call: Call, to: UserSwitch): Promise<Response> {
  await readJson(call, Empty)
  return json({ user: presentUser(await switchUser(call.ctx, call.params['uid'] ?? '', to)) })
}

async function makeLink(call: Call): Promise<Response> {
  await readJson(call, Empty)
  const { linkSecret } = await createPasswordLink(call.ctx, call.params['uid'] ?? '')
  return json({ link: call.baseUrl + passwordPath(linkSecret) }, 201)
}

async function removeFactors(call: Call): Promise<Response> {
  await readJson(call, Empty)
  await removeSecondFactors(call.ctx, call.params['uid'] ?? '')
  return done()
}

async function endSessions(call: Call): Promise<Response> {
  await readJson(call, Empty)
  const { sessions } = await signOutUser(call.ctx, call.params['uid'] ?? '')
  return json({ ended: sessions })
}
