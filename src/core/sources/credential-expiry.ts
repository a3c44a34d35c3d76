/**
 * Hosts that issue tokens with an end say when it is. A token goes to nobody new for this: to the origin that it is pinned to anyway, except that
 * GitHub answers at another name. What a token is told by its form; anything else is never sent.
 */
import type { Ctx } from '../kernel/ctx.ts'
import type { GitCredential, HttpAnswer } from '../kernel/ports.ts'
import type { Instant } from '../kernel/values.ts'
import { findCredentialRow, recordExpiry } from './credentials.sql.ts'
import { openCredential } from './credentials.ts'
import type { Source } from './sources.sql.ts'

const DAY = 24 * 60 * 60 * 1000
const LIMITS = { redirects: 0, maxBytes: 100_000, stall: 5_000, duration: 10_000 }

interface Question {
  origin: string
  path: string
  read(answer: HttpAnswer): Promise<Instant | null>
}

/**
 * Asks the host of a source when the credential of that source ends, at most once a day, and remembers the answer. Hosts and tokens of which that
 * is not known are not asked, and whatever fails changes nothing.
 */
export async function refreshExpiry(ctx: Ctx, source: Source): Promise<void> {
  const row = source.credential === null ? null : await findCredentialRow(ctx.db, source.credential)
  if (source.credential === null || row === null || (row.expiryReadAt !== null && row.expiryReadAt > ctx.now - DAY)) {
    return
  }
  const credential = await openCredential(ctx, source.credential)
  const token = tokenOf(credential)
  const question = credential === null || token === null ? null : findQuestion(credential.origin, token)
  if (token === null || question === null) {
    return
  }
  const found = await ask(ctx, question, token)
  const id = source.credential
  await ctx.transaction(async (tx) => {
    await recordExpiry(tx.db, { id, readAt: tx.now, expiresAt: found })
    const expires = found === null ? null : new Date(found).toISOString()
    await tx.record({ type: 'source.credential-checked', organization: source.organization, source: source.id, expires })
  })
}

function tokenOf(credential: GitCredential | null): string | null {
  switch (credential?.kind) {
    case 'basic':
      return credential.password
    case 'bearer':
      return credential.token
    default:
      return null
  }
}

function findQuestion(origin: string, token: string): Question | null {
  if (/^(gh[a-z]|github_pat)_\w+$/.test(token)) {
    // Asking for the limits does not count against them.
    return origin === 'https://github.com'
      ? { origin: 'https://api.github.com', path: '/rate_limit', read: readGithubHeader }
      : { origin, path: '/api/v3/rate_limit', read: readGithubHeader }
  }
  if (/^glpat-[\w.-]+$/.test(token)) {
    return { origin, path: '/api/v4/personal_access_tokens/self', read: readGitlabToken }
  }
  return null
}

async function ask(ctx: Ctx, question: Question, token: string): Promise<Instant | null> {
  try {
    const answer = await ctx.http.fetch({
      url: `${question.origin}${question.path}`,
      credential: { origin: question.origin, authorization: `Bearer ${token}` },
      headers: { accept: 'application/json' },
      ...LIMITS,
    })
    try {
      return answer.status < 300 ? await question.read(answer) : null
    } finally {
      await answer.body.return()
    }
  } catch (error) {
    ctx.log.debug('A host did not say when a credential ends.', { origin: question.origin, error })
    return null
  }
}

/** `2027-01-31 09:30:00 UTC` or with an offset such as `+0200`; absent for tokens without an end. */
async function readGithubHeader({ headers }: HttpAnswer): Promise<Instant | null> {
  const text = headers.get('github-authentication-token-expiration') ?? ''
  const parts = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) (?:UTC|([+-]\d{2}):?(\d{2}))$/.exec(text)
  if (parts === null) {
    return null
  }
  const [, day, time, hours, minutes] = parts
  return toInstant(`${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`)
}

/** A token of GitLab ends at the beginning of the day `expires_at`, UTC; null for one without an end. */
async function readGitlabToken({ body }: HttpAnswer): Promise<Instant | null> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) {
    chunks.push(chunk)
  }
  const token: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const day = typeof token === 'object' && token !== null && 'expires_at' in token ? token.expires_at : null
  return typeof day === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(day) ? toInstant(`${day}T00:00:00Z`) : null
}

function toInstant(text: string): Instant | null {
  const instant = Date.parse(text)
  return Number.isNaN(instant) ? null : instant
}
