/**
 * The pages that work without a script: where mails lead to, and signing in. They are plain forms; that a form comes from here is checked as
 * for the API (own-page.ts). A link from a mail changes nothing by being opened, because programs that look into mails open links too.
 */
import {
  completeSignIn,
  confirmEmail,
  findEmailOfLink,
  getOwnUser,
  isPasswordLink,
  requestPasswordReset,
  resetPassword,
  signIn,
  signOut,
} from '../../core/accounts/index.ts'
import { isDomainError } from '../../core/kernel/errors.ts'
import { isMailConfigured } from '../../core/mail/index.ts'
import { escapeHtml, htmlPage } from '../http/html.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, readForm } from './console-route.ts'
import { toOwnPath } from './own-page.ts'
import { readCookie, withCookie } from './session-cookie.ts'
import { carryOn, enterWith } from './sign-in-routes.ts'

/** The pages of the console. */
export function pageRoutes(): Route[] {
  return [
    consoleRoute('GET', '/app', showHome),
    consoleRoute('GET', '/app/sign-in', (call) => signInPage(call, call.query.get('next'))),
    consoleRoute('POST', '/app/sign-in', submitPassword),
    consoleRoute('POST', '/app/sign-in/code', submitCode),
    consoleRoute('POST', '/app/sign-out', leave),
    consoleRoute('GET', '/app/reset-password', () => resetRequestPage(null)),
    consoleRoute('POST', '/app/reset-password', submitResetRequest),
    consoleRoute('GET', '/app/reset-password/:secret', showReset),
    consoleRoute('POST', '/app/reset-password/:secret', submitReset),
    consoleRoute('GET', '/app/verify-email/:secret', showVerification),
    consoleRoute('POST', '/app/verify-email/:secret', submitVerification),
  ]
}

/** A field with its label. */
interface Field {
  name: string
  label: string
  attributes: string
  value?: string
}

/** A form that goes to an own page; `problem` is read out by screen readers. Everything is escaped here but the attributes. */
export function formBody(form: { action: string; fields: readonly Field[]; button: string; problem?: string | null }): string {
  const problem = form.problem ?? null
  const fields = form.fields.map(
    ({ name, label, attributes, value }) =>
      `${label === '' ? '' : `<label for="${name}">${escapeHtml(label)}</label>`}<input id="${name}" name="${name}" ${attributes} value="${escapeHtml(value ?? '')}">`,
  )
  return `${problem === null ? '' : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`}
<form method="post" action="${escapeHtml(form.action)}">
${fields.join('\n')}
<button>${escapeHtml(form.button)}</button></form>`
}

/** Sends the browser on to an own page. */
export function redirectTo(path: string): Response {
  return new Response(null, { status: 303, headers: { Location: path } })
}

const EMAIL: Field = { name: 'email', label: 'E-mail address', attributes: 'type="email" required autocomplete="username"' }
const NEW_PASSWORD: Field = {
  name: 'password',
  label: 'New password, 10 characters or more',
  attributes: 'type="password" required minlength="10" autocomplete="new-password"',
}

function nextField(next: string): Field {
  return { name: 'next', label: '', attributes: 'type="hidden"', value: next }
}

/** A form again with what was wrong. Bugs are thrown on. */
function problemOf(error: unknown): string {
  if (isDomainError(error)) {
    return error.message
  }
  throw error
}

async function showHome({ ctx, actor }: Call): Promise<Response> {
  if (actor.kind !== 'user') {
    return redirectTo('/app/sign-in')
  }
  const user = await getOwnUser(ctx)
  const body = `<p>You are signed in as ${escapeHtml(user.name)} (${escapeHtml(user.email)}).</p>`
  return htmlPage('Repertoire', body + formBody({ action: '/app/sign-out', fields: [], button: 'Sign out' }))
}

function signInPage(call: Call, wanted: string | null, problem: string | null = null): Response {
  const next = toOwnPath(wanted, call.baseUrl)
  const password: Field = {
    name: 'password',
    label: 'Password',
    attributes: 'type="password" required autocomplete="current-password"',
  }
  const form = formBody({ action: '/app/sign-in', fields: [EMAIL, password, nextField(next)], button: 'Sign in', problem })
  const forgotten = isMailConfigured(call.ctx) ? '<p><a href="/app/reset-password">Forgot your password?</a></p>' : ''
  return htmlPage('Sign in', form + forgotten, problem === null ? 200 : 422)
}

async function submitPassword(call: Call): Promise<Response> {
  const { email = '', password = '', next = null } = await readForm(call)
  try {
    const outcome = await signIn(call.ctx, { email, password })
    const path = toOwnPath(next, call.baseUrl)
    const response = outcome.kind === 'session' ? redirectTo(path) : codePage(path, null)
    return await carryOn(call, response, outcome)
  } catch (error) {
    return signInPage(call, next, problemOf(error))
  }
}

function codePage(next: string, problem: string | null): Response {
  const code: Field = {
    name: 'code',
    label: 'Code of your authenticator app, or a recovery code',
    attributes: 'required autocomplete="one-time-code" autocapitalize="none" spellcheck="false"',
  }
  const form = formBody({ action: '/app/sign-in/code', fields: [code, nextField(next)], button: 'Go on', problem })
  return htmlPage('One more step', form, problem === null ? 200 : 422)
}

async function submitCode(call: Call): Promise<Response> {
  const { code = '', next = null } = await readForm(call)
  const path = toOwnPath(next, call.baseUrl)
  const kind = /^[\d\s]{6,8}$/.test(code) ? 'totp' : 'recovery'
  try {
    const { secret } = await completeSignIn(call.ctx, { step: readCookie(call, 'step'), proof: { kind, code } })
    return await enterWith(call, redirectTo(path), secret)
  } catch (error) {
    const problem = problemOf(error)
    return isDomainError(error, 'sign_in_expired') ? signInPage(call, next, problem) : codePage(path, problem)
  }
}

async function leave(call: Call): Promise<Response> {
  if (call.actor.kind === 'user') {
    await signOut(call.ctx)
  }
  return withCookie(redirectTo('/app/sign-in'), call.baseUrl, { kind: 'session', secret: null })
}

function resetRequestPage(problem: string | null): Response {
  const form = formBody({ action: '/app/reset-password', fields: [EMAIL], button: 'Send me a link', problem })
  return htmlPage('Choose a new password', form, problem === null ? 200 : 422)
}

async function submitResetRequest(call: Call): Promise<Response> {
  const { email = '' } = await readForm(call)
  await requestPasswordReset(call.ctx, { email })
  const body = '<p>If there is an account with this address, a mail with a link is on its way. The link works for one hour.</p>'
  return htmlPage('Look into your mail', body)
}

function linkGonePage(): Response {
  return htmlPage('This link is not valid', '<p>It was used already, has expired, or was mistyped. Ask for a new one.</p>', 410)
}

function resetPage(secret: string, problem: string | null): Response {
  const action = `/app/reset-password/${encodeURIComponent(secret)}`
  const form = formBody({ action, fields: [NEW_PASSWORD], button: 'Set the password', problem })
  return htmlPage('Choose a new password', form, problem === null ? 200 : 422)
}

async function showReset({ ctx, params }: Call): Promise<Response> {
  const secret = params['secret'] ?? ''
  return (await isPasswordLink(ctx, secret)) ? resetPage(secret, null) : linkGonePage()
}

async function submitReset(call: Call): Promise<Response> {
  const secret = call.params['secret'] ?? ''
  const { password = '' } = await readForm(call)
  try {
    await resetPassword(call.ctx, { secret, password })
  } catch (error) {
    return isDomainError(error, 'link_not_valid') ? linkGonePage() : resetPage(secret, problemOf(error))
  }
  const body = '<p>Your password was set, and all sessions were ended.</p><p><a href="/app/sign-in">Sign in</a></p>'
  return withCookie(htmlPage('Done', body), call.baseUrl, { kind: 'session', secret: null })
}

async function showVerification({ ctx, params }: Call): Promise<Response> {
  const secret = params['secret'] ?? ''
  const email = await findEmailOfLink(ctx, secret)
  if (email === null) {
    return linkGonePage()
  }
  const action = `/app/verify-email/${encodeURIComponent(secret)}`
  const body = `<p>Use the address ${escapeHtml(email)} for your account?</p>`
  return htmlPage('Confirm your e-mail address', body + formBody({ action, fields: [], button: 'Confirm' }))
}

async function submitVerification({ ctx, params }: Call): Promise<Response> {
  try {
    await confirmEmail(ctx, params['secret'] ?? '')
  } catch (error) {
    const problem = problemOf(error)
    return isDomainError(error, 'link_not_valid')
      ? linkGonePage()
      : htmlPage('Not confirmed', `<p class="problem" role="alert">${escapeHtml(problem)}</p>`, 409)
  }
  return htmlPage('Done', '<p>Your e-mail address is confirmed.</p><p><a href="/app">Go on</a></p>')
}
