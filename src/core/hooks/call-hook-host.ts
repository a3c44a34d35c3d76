import { isDomainError } from '../kernel/errors.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { GitCredential } from '../kernel/ports.ts'
import { toApiAuthorization, type HookCall, type HookPlace } from './hook-host.ts'

/** What a host has for answering, in milliseconds. */
const ANSWER_TIME = 30_000
const ANSWER_BYTES = 256 * 1024

/** What came of a call: the answer, or a problem in words for people. Nothing of the answer is shown, it may repeat the secret. */
export type HostAnswer = { ok: true; body: string } | { ok: false; status: number | null; problem: string }

/**
 * Calls the API of a Git host through the guard for outgoing connections. The credential goes to the host of the API alone; redirects are not
 * followed. Whatever goes wrong outside is a problem in the result.
 */
export async function callHookHost(ctx: Ctx, place: HookPlace, credential: GitCredential, call: HookCall): Promise<HostAnswer> {
  const authorization = toApiAuthorization(place.provider, credential)
  if (authorization === null) {
    return { ok: false, status: null, problem: 'the source has a key for ssh, and the API of its host needs a token' }
  }
  ctx.secrets.redact(authorization)
  const { host, origin } = new URL(place.apiUrl)
  try {
    const answer = await ctx.http.fetch({
      url: call.url,
      method: call.method,
      headers: { accept: 'application/json', 'user-agent': 'repertoire', ...(call.body === null ? {} : JSON_BODY) },
      ...(call.body === null ? {} : { body: new TextEncoder().encode(JSON.stringify(call.body)) }),
      credential: { origin, authorization },
      redirects: 0,
      maxBytes: ANSWER_BYTES,
      stall: ANSWER_TIME,
      duration: ANSWER_TIME,
    })
    const body = Buffer.concat(await Array.fromAsync(answer.body)).toString('utf8')
    if (answer.status >= 200 && answer.status < 300) {
      return { ok: true, body }
    }
    return { ok: false, status: answer.status, problem: `${host} answered ${answer.status}${hintOf(answer.status)}` }
  } catch (error) {
    if (!isDomainError(error)) {
      throw error
    }
    return { ok: false, status: null, problem: error.message }
  }
}

const JSON_BODY = { 'content-type': 'application/json' }

function hintOf(status: number): string {
  if (status === 401 || status === 403) {
    return '; the token may not manage hooks of the repository'
  }
  return status === 404 ? '; the repository is unknown to it, or the token may not manage its hooks' : ''
}
