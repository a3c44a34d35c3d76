import { z } from 'zod'
import {
  acceptInvitation,
  cancelInvitation,
  describeInvitation,
  invitationPath,
  listInvitations,
  registerByInvitation,
  renewInvitation,
  sendInvitation,
  type OfferedInvitation,
  type SentInvitation,
} from '../../core/access/index.ts'
import { isDomainError } from '../../core/kernel/errors.ts'
import type { Invitation, InvitationState } from '../../core/organizations/index.ts'
import { escapeHtml, htmlPage } from '../http/html.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readForm, readJson } from './console-route.ts'
import { enter, readPage } from './organization-routes.ts'
import { formBody, redirectTo } from './pages.ts'

const NewInvitation = z.strictObject({ email: z.string(), role: z.string(), teams: z.array(z.string()).default([]) })
const Registration = z.strictObject({ name: z.string(), password: z.string() })
const Empty = z.strictObject({})

/** Invitations: for those who send them, and behind the link for whoever has it. */
export function invitationRoutes(): Route[] {
  return [
    consoleRoute('GET', '/app/api/organizations/:organization/invitations', list),
    consoleRoute('POST', '/app/api/organizations/:organization/invitations', send),
    consoleRoute('POST', '/app/api/organizations/:organization/invitations/:uid/renew', renew),
    consoleRoute('DELETE', '/app/api/organizations/:organization/invitations/:uid', cancel),
    consoleRoute('GET', '/app/api/invitations/:secret', show),
    consoleRoute('POST', '/app/api/invitations/:secret/accept', accept),
    consoleRoute('POST', '/app/api/invitations/:secret/register', register),
    consoleRoute('GET', '/app/invitations/:secret', showPage),
    consoleRoute('POST', '/app/invitations/:secret', submitPage),
  ]
}

async function list(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { items, next } = await listInvitations(call.ctx, { organization: organization.id, page: readPage(call) })
  return json({ invitations: items.map((one) => presentInvitation(one, one.state)), next })
}

async function send(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const sent = await sendInvitation(call.ctx, { organization, ...(await readJson(call, NewInvitation)) })
  return json(presentSent(call, sent), 201)
}

async function renew(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await readJson(call, Empty)
  return json(presentSent(call, await renewInvitation(call.ctx, { organization, uid: call.params['uid'] ?? '' })))
}

async function cancel(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await cancelInvitation(call.ctx, { organization, uid: call.params['uid'] ?? '' })
  return done()
}

/** The link is null when it went to the address by mail. */
function presentSent({ baseUrl }: Call, { invitation, secret }: SentInvitation) {
  const link = secret === null ? null : `${baseUrl}${invitationPath(secret)}`
  return { invitation: presentInvitation(invitation, 'pending'), link }
}

function presentInvitation(invitation: Invitation, state: InvitationState) {
  const { uid, email, role, createdAt, expiresAt, acceptedAt } = invitation
  return {
    id: uid,
    email,
    role,
    state,
    createdAt: presentInstant(createdAt),
    expiresAt: presentInstant(expiresAt),
    acceptedAt: presentInstant(acceptedAt),
  }
}

function secretOf({ params }: Call): string {
  return params['secret'] ?? ''
}

async function show(call: Call): Promise<Response> {
  const { organization, email, role, state, expiresAt } = await describeInvitation(call.ctx, secretOf(call))
  const { uid, slug, name } = organization
  return json({ organization: { id: uid, slug, name }, email, role, state, expiresAt: presentInstant(expiresAt) })
}

async function accept(call: Call): Promise<Response> {
  await readJson(call, Empty)
  const { uid, slug, name } = await acceptInvitation(call.ctx, secretOf(call))
  return json({ organization: { id: uid, slug, name } })
}

async function register(call: Call): Promise<Response> {
  const input = await readJson(call, Registration)
  const { organization, user } = await registerByInvitation(call.ctx, { ...input, secret: secretOf(call) })
  const { uid, slug, name } = organization
  return json({ organization: { id: uid, slug, name }, user: { id: user.uid, email: user.email } }, 201)
}

async function showPage(call: Call): Promise<Response> {
  try {
    const offered = await describeInvitation(call.ctx, secretOf(call))
    return offered.state === 'pending' ? offerPage(call, offered, null) : closedPage()
  } catch (error) {
    return closedUnlessBug(error)
  }
}

function closedPage(): Response {
  const text =
    'It was used, cancelled or replaced by a newer one, has expired, or was mistyped. Ask whoever invited you for a new one.'
  return htmlPage('This invitation is not valid', `<p>${text}</p>`, 410)
}

function closedUnlessBug(error: unknown): Response {
  if (isDomainError(error, 'invitation_not_found') || isDomainError(error, 'invitation_closed')) {
    return closedPage()
  }
  throw error
}

function offerPage(call: Call, offered: OfferedInvitation, problem: string | null): Response {
  const action = invitationPath(encodeURIComponent(secretOf(call)))
  const what = `<p>You are invited to the organization ${escapeHtml(offered.organization.name)} as ${offered.role}.</p>`
  if (call.actor.kind === 'user') {
    const form = formBody({ action, fields: [], button: 'Accept the invitation', problem })
    return htmlPage('Invitation', what + form, problem === null ? 200 : 422)
  }
  const signIn = `<p><a href="/app/sign-in?next=${encodeURIComponent(action)}">I have an account: sign in</a></p>`
  const form = formBody({
    action,
    fields: [
      { name: 'name', label: 'Your name', attributes: 'required autocomplete="name"' },
      {
        name: 'password',
        label: 'A password of 10 characters or more',
        attributes: 'type="password" required minlength="10" autocomplete="new-password"',
      },
    ],
    button: 'Create the account and accept',
    problem,
  })
  const account = `<h2>Create an account for ${escapeHtml(offered.email)}</h2>`
  return htmlPage('Invitation', what + signIn + account + form, problem === null ? 200 : 422)
}

async function submitPage(call: Call): Promise<Response> {
  const secret = secretOf(call)
  const { name = '', password = '' } = await readForm(call)
  try {
    if (call.actor.kind === 'user') {
      await acceptInvitation(call.ctx, secret)
      return redirectTo('/app')
    }
    await registerByInvitation(call.ctx, { secret, name, password })
    return redirectTo('/app/sign-in')
  } catch (error) {
    if (!isDomainError(error) || error.code === 'invitation_not_found' || error.code === 'invitation_closed') {
      return closedUnlessBug(error)
    }
    return offerPage(call, await describeInvitation(call.ctx, secret), error.message)
  }
}
