/**
 * Who asks, by GitLab's rules (contract gitlab.md §1): which carriers there are, which of several counts, and which wrong credential is refused and
 * which is none at all.
 */
import { hashTokenSecret, judgeSecret, requireAllowedAddress, type JudgedSecret } from '../../../core/access/index.ts'
import type { Actor, Origin } from '../../../core/kernel/actor.ts'
import type { Db } from '../../../core/kernel/schema.ts'
import type { Instant } from '../../../core/kernel/values.ts'
import { CredentialRefused } from './errors.ts'
import { decodeBasic, readAuthorization } from '../../http/credentials.ts'

/** Credentials as a request carries them; what is not there is null. */
export interface Carried {
  basic: { user: string; password: string } | null
  bearer: string | null
  privateToken: string | null
  privateTokenHeader: string | null
  deployToken: string | null
  jobToken: string | null
}

/** Whether the token of a job counts outside of Basic and Bearer: for what jobs do besides installing. */
export type JobCarriers = 'basic' | 'all'

const MAX_SECRET = 1024
const JOB_USER = 'gitlab-ci-token'
/** Composer sends a token whose host it takes for no GitLab as the user name of one of these. */
const SWAPPED = new Set(['private-token', 'oauth2', JOB_USER])

/** Reads the credentials of a request. `parameters` are those of the query, and of the body where one is read. */
export function readCarried({ headers }: Request, parameters: URLSearchParams): Carried {
  const { scheme, value } = readAuthorization(headers.get('authorization'))
  return {
    basic: scheme === 'basic' ? readBasic(value) : null,
    bearer: scheme === 'bearer' ? value : null,
    privateToken: parameters.get('private_token'),
    privateTokenHeader: headers.get('private-token'),
    deployToken: headers.get('deploy-token'),
    jobToken: headers.get('job-token') ?? parameters.get('job_token'),
  }
}

function readBasic(value: string): Carried['basic'] {
  const basic = decodeBasic(value)
  const isSwapped = basic !== null && SWAPPED.has(basic.password) && basic.user !== ''
  return isSwapped ? { user: '', password: basic.user } : basic
}

/** Whether a request carries anything that could be a credential. */
export function isAnonymous(carried: Carried): boolean {
  return Object.values(carried).every((value) => value === null)
}

interface Judge {
  db: Db
  now: Instant
}

/** The actor behind the credentials (§1.3). Throws `CredentialRefused` for a wrong one that is no reason to go on as nobody (§1.4). */
export async function identify(judge: Judge, carried: Carried, jobs: JobCarriers): Promise<Actor> {
  return (
    (await identifyDeployToken(judge, carried)) ??
    (await identifyPersonalToken(judge, carried)) ??
    (await identifyJobToken(judge, carried, jobs)) ?? { kind: 'anonymous' }
  )
}

/** The addresses from which a token may be used. Throws `address_refused`. */
export function requireAddress(actor: Actor, origin: Origin): void {
  requireAllowedAddress(actor, origin.address)
}

/** A Basic password counts before the other carriers; an unknown token is no failure here. */
async function identifyDeployToken(judge: Judge, { basic, deployToken, bearer }: Carried): Promise<Actor | null> {
  const secret = basic === null ? (deployToken ?? bearer) : basic.password
  const judged = await judgeText(judge, secret)
  if (judged?.kind !== 'organization') {
    return null
  }
  if (judged.state === 'valid') {
    return judged.actor
  }
  if (basic === null && deployToken !== null) {
    return null
  }
  throw new CredentialRefused(judged.state)
}

async function identifyPersonalToken(judge: Judge, carried: Carried): Promise<Actor | null> {
  const { basic, bearer, privateToken, privateTokenHeader } = carried
  const secret = privateToken ?? privateTokenHeader ?? bearer
  if (secret !== null) {
    // Composer tries the token of a job this way after a refusal, so that is one everywhere (GL-022).
    return actorOf(await judgeText(judge, secret))
  }
  const judged = basic === null ? null : await judgeText(judge, basic.password)
  return judged?.kind === 'personal' ? actorOf(judged) : null
}

async function identifyJobToken(judge: Judge, { basic, jobToken }: Carried, jobs: JobCarriers): Promise<Actor | null> {
  const secret = basic?.user === JOB_USER ? basic.password : null
  const carried = jobs === 'all' ? (secret ?? jobToken) : secret
  if (carried === null) {
    // Composer swaps user and password of a job's token, too.
    const swapped = basic?.user === '' ? await judgeText(judge, basic.password) : null
    return swapped?.kind === 'job' ? actorOf(swapped) : null
  }
  const judged = await judgeText(judge, carried)
  return actorOf(judged?.kind === 'job' ? judged : null)
}

function actorOf(judged: JudgedSecret | null): Actor {
  if (judged?.state === 'valid') {
    return judged.actor
  }
  throw new CredentialRefused(judged === null ? 'unknown' : judged.state)
}

async function judgeText({ db, now }: Judge, secret: string | null): Promise<JudgedSecret | null> {
  if (secret === null || secret === '' || secret.length > MAX_SECRET) {
    return null
  }
  return judgeSecret(db, hashTokenSecret(secret), now)
}
