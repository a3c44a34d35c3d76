/**
 * Hooks that the registry makes at Git hosts by itself (PR-506). A command notes what is wanted, a job talks to the host. What comes of it is
 * kept with the source and shown with its hook; nothing else fails because of it. A job that was cut off between the host and its own
 * record makes a second hook when it runs again; both have the same secret, and the second delivery of a push changes nothing.
 */
import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { HookRegistrationId, JobId, SourceId } from '../kernel/values.ts'
import {
  deleteRegistration,
  detachHook,
  findRegistration,
  findRegistrationOf,
  findSource,
  openCredential,
  openSealedCredential,
  putRegistration,
  recordRegistration,
  type HookRegistration,
  type Source,
} from '../sources/index.ts'
import { callHookHost, type HostAnswer } from './call-hook-host.ts'
import { createHookCall, deleteHookCall, findHookPlace, readHookId, type HookProvider } from './hook-host.ts'
import { getHook, rotateHook } from './manage-hooks.ts'

const GONE = 404

/**
 * Has a hook made at the host of a source, or made anew with a new secret after the one before was deleted there. Public hosts are known by
 * name; for others `provider` says what they are. Throws `invalid_input` when the host is unknown, when the source has no token, and when
 * the registry does not know its own address.
 */
export async function registerHook(ctx: Ctx, source: Source, provider: HookProvider | null): Promise<JobId> {
  await authorize(ctx, 'hook.rotate', source.organization)
  if (ctx.publicUrl === null) {
    throw invalidInput('url', 'a host can only be told an address that is configured; set REPERTOIRE_URL')
  }
  const place = source.kind === 'vcs' && source.vcs === 'git' ? findHookPlace(source.url, provider) : null
  if (place === null) {
    throw invalidInput(
      'provider',
      'only GitHub, GitLab, Bitbucket and Gitea over https can be told; say which of them the host is',
    )
  }
  if (source.credential === null) {
    throw invalidInput('credential', 'a source without a token cannot manage hooks at its host')
  }
  return ctx.transaction(async (tx) => {
    await putRegistration(tx.db, { source: source.id, ...place, at: tx.now })
    await tx.record({ type: 'hook.registration-requested', organization: source.organization, source: source.id })
    return tx.enqueue({
      kind: 'hook.register',
      payload: { source: source.id },
      organization: source.organization,
      dedupeKey: `hook.register:${source.id}`,
      lane: 'background',
      maxAttempts: 3,
    })
  })
}

/** Has the hook that was registered for a source deleted at its host. Throws `hook_not_found` when none was. */
export async function unregisterHook(ctx: Ctx, source: Source): Promise<void> {
  await authorize(ctx, 'hook.rotate', source.organization)
  await ctx.transaction(async (tx) => {
    if (!(await detachHook(tx, source))) {
      throw new DomainError('hook_not_found')
    }
    await tx.record({ type: 'hook.registration-ended', organization: source.organization, source: source.id })
  })
}

/** What is known of the hook at the host of a source; null when none was asked for. */
export async function findHookRegistration(ctx: Ctx, source: Source): Promise<HookRegistration | null> {
  await authorize(ctx, 'hook.show', source.organization)
  return findRegistrationOf(ctx.db, source.id)
}

/** The job behind `registerHook`. Does nothing when nobody waits for it any more. */
export async function registerAtHost(ctx: Ctx, id: SourceId): Promise<void> {
  const source = await findSource(ctx.db, id)
  const registration = source === null ? null : await findRegistrationOf(ctx.db, id)
  if (source === null || registration === null || registration.state !== 'waiting') {
    return
  }
  const outcome = await tryToRegister(ctx, source, registration)
  await ctx.transaction(async (tx) => {
    await recordRegistration(tx.db, registration.id, { ...outcome, at: tx.now })
    const { problem } = outcome
    await tx.record({ type: 'hook.registered', organization: source.organization, source: id, problem })
  })
}

type Outcome = Pick<HookRegistration, 'remoteId' | 'problem'> & { state: 'registered' | 'failed' }

async function tryToRegister(ctx: Ctx, source: Source, registration: HookRegistration): Promise<Outcome> {
  const { provider, remoteId } = registration
  const credential = source.credential === null ? null : await openCredential(ctx, source.credential)
  if (credential === null || ctx.publicUrl === null) {
    return failed('the source has no token any more, or the registry no address', remoteId)
  }
  if (remoteId !== null) {
    const deleted = await callHookHost(ctx, registration, credential, deleteHookCall(registration, remoteId))
    const problem = findProblem(deleted)
    if (problem !== null) {
      return failed(problem, remoteId)
    }
  }
  // A hook that somebody set up by hand keeps its secret; one that is made again gets a new one.
  const { secret } = await (remoteId === null ? getHook(ctx, source) : rotateHook(ctx, source))
  const url = `${ctx.publicUrl}/webhooks/${provider}/${source.uid}`
  const made = await callHookHost(ctx, registration, credential, createHookCall(registration, { url, secret }))
  if (!made.ok) {
    return failed(made.problem, null)
  }
  const id = readHookId(provider, made.body)
  return id === null
    ? failed('the host made a hook and did not say how it calls it', null)
    : { state: 'registered', remoteId: id, problem: null }
}

function failed(problem: string, remoteId: string | null): Outcome {
  return { state: 'failed', remoteId, problem }
}

/** Why a hook is still there; null when it is gone, whoever deleted it. */
function findProblem(answer: HostAnswer): string | null {
  return answer.ok || answer.status === GONE ? null : answer.problem
}

/** The job that deletes the hook of a source that was removed, or whose registration was ended. What goes wrong is logged only. */
export async function unregisterAtHost(ctx: Ctx, id: HookRegistrationId): Promise<void> {
  const registration = await findRegistration(ctx.db, id)
  if (registration === null || registration.credential === null || registration.remoteId === null) {
    return
  }
  const credential = openSealedCredential(ctx, registration.credential)
  const deleted = await callHookHost(ctx, registration, credential, deleteHookCall(registration, registration.remoteId))
  const problem = findProblem(deleted)
  if (problem !== null) {
    const { apiUrl, project } = registration
    ctx.log.warn('A hook could not be deleted at its host; delete it there by hand.', { apiUrl, project, problem })
  }
  await ctx.transaction(async (tx) => {
    await deleteRegistration(tx.db, id)
    await tx.record({ type: 'hook.unregistered', organization: null, project: registration.project })
  })
}
