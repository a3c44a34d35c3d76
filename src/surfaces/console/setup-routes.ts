import { z } from 'zod'
import { createToken, isSetupSecret, setUpInstance } from '../../core/access/index.ts'
import type { Actor } from '../../core/kernel/actor.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError, isDomainError } from '../../core/kernel/errors.ts'
import { READ_SCOPES } from '../../core/kernel/scopes.ts'
import { escapeHtml, htmlPage } from '../http/html.ts'
import { readBody } from '../http/request-body.ts'
import type { Call, Route } from '../http/route.ts'

const FORM_BYTES = 64 * 1024

/** Whether a value is acceptable is the command's to say; the body is bounded as a whole. */
const Form = z.object({ name: z.string(), email: z.string(), password: z.string(), organization: z.string(), slug: z.string() })
type Form = z.output<typeof Form>

const EMPTY: Form = { name: '', email: '', password: '', organization: '', slug: '' }

/** The page behind the one-time link of the first start. Whoever has the link may create the owner, once. */
export function setupRoutes(ctxFor: (actor: Actor, call: Call) => Ctx): Route[] {
  const surface = 'console'
  return [
    { method: 'GET', path: '/setup/:secret', surface, clauses: [], handle: showForm },
    { method: 'POST', path: '/setup/:secret', surface, clauses: [], handle: (call) => submit(call, ctxFor) },
  ]
}

async function showForm({ ctx, params }: Call): Promise<Response> {
  if (!(await isSetupSecret(ctx, params['secret'] ?? ''))) {
    return closedPage()
  }
  return formPage(EMPTY, null)
}

function closedPage(): Response {
  return htmlPage('This link is not valid', '<p>It was used already, replaced by a newer one, or mistyped.</p>', 410)
}

async function submit(call: Call, ctxFor: (actor: Actor, call: Call) => Ctx): Promise<Response> {
  const { request, params, baseUrl, signal } = call
  requireSameOrigin(request, baseUrl)
  const fields = new URLSearchParams(new TextDecoder().decode(await readBody(request, { limit: FORM_BYTES, signal })))
  const form = Form.parse({ ...EMPTY, ...Object.fromEntries(fields) })
  try {
    const { organization } = await setUpInstance(
      ctxFor({ kind: 'setup' }, call),
      {
        email: form.email,
        name: form.name,
        password: form.password,
        organization: { slug: form.slug, name: form.organization },
      },
      params['secret'] ?? '',
    )
    const { secret } = await createToken(ctxFor({ kind: 'system' }, call), {
      organization: organization.id,
      name: 'first token',
      scopes: READ_SCOPES,
      packages: null,
      expiresAt: null,
    })
    return donePage(baseUrl, organization.slug, secret)
  } catch (error) {
    if (isDomainError(error, 'setup_not_open')) {
      return closedPage()
    }
    if (isDomainError(error)) {
      return formPage(form, error.message)
    }
    throw error
  }
}

/**
 * The link is the capability; this keeps a page elsewhere from using a link that it guessed a visitor to have. Browsers send
 * `Sec-Fetch-Site` only over TLS or to localhost; elsewhere the origin has to be the public one, or the host that was asked for: an
 * installation may be set up by its address before its name works.
 */
function requireSameOrigin(request: Request, baseUrl: string): void {
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  const host = request.headers.get('host')
  const own = [new URL(baseUrl).origin, `http://${host}`, `https://${host}`]
  const isForeign = (site !== null && site !== 'same-origin') || (site === null && origin !== null && !own.includes(origin))
  if (isForeign) {
    throw new DomainError('forbidden', { action: 'set up the installation from another page' })
  }
}

function formPage(form: Form, problem: string | null): Response {
  const field = (name: keyof Form, label: string, attributes: string) =>
    `<label for="${name}">${label}</label><input id="${name}" name="${name}" required ${attributes} value="${name === 'password' ? '' : escapeHtml(form[name])}">`
  const body = `${problem === null ? '' : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`}
<form method="post">
${field('name', 'Your name', 'autocomplete="name"')}
${field('email', 'Your e-mail address', 'type="email" autocomplete="email"')}
${field('password', 'A password of 10 characters or more', 'type="password" minlength="10" autocomplete="new-password"')}
${field('organization', 'Name of your organization', 'autocomplete="organization"')}
${field('slug', 'Its short name in URLs (a-z, 0-9, “.”, “_”, “-”)', 'pattern="[a-z0-9]([a-z0-9._\\-]*[a-z0-9])?" maxlength="64"')}
<button>Set up</button></form>`
  return htmlPage('Set up Repertoire', body, problem === null ? 200 : 422)
}

function donePage(baseUrl: string, slug: string, secret: string): Response {
  const { host } = new URL(baseUrl)
  const commands = [
    `composer config --global http-basic.${host} token ${secret}`,
    `composer config repositories.${slug} composer ${baseUrl}/${slug}`,
  ]
  return htmlPage(
    'Repertoire is set up',
    `<p>Add a repository on the server:</p><pre>${escapeHtml(`bin/repertoire source add ${slug} https://git.example.com/vendor/package.git`)}</pre>
<p>Then, in a project (the token is shown only now):</p><pre>${escapeHtml(commands.join('\n'))}</pre>`,
  )
}
