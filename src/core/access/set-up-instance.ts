/**
 * The first start. As long as the installation has no owner, a one-time secret opens the set-up page. The transaction that
 * creates the owner claims a setting that can be claimed once, so that of several people with the link exactly one wins.
 */
import { createUser, parseDisplayName, parseEmail, requireAcceptablePassword, type User } from '../accounts/index.ts'
import { claimSetting, findSetting, putSetting } from '../instance/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { addOrganization, parseSlug, type Organization } from '../organizations/index.ts'
import { authorize } from './permissions.ts'
import { hashTokenSecret, mintTokenSecret } from './token-secret.ts'

const SECRET_KEY = 'setup_secret_hash'
const DONE_KEY = 'setup_done_at'

/** The owner and the first organization. */
export interface SetUpInstance {
  email: string
  name: string
  password: string
  organization: { slug: string; name: string }
}

/** Whether the installation still waits for its owner. */
export async function isSetupOpen(ctx: Pick<Ctx, 'db'>): Promise<boolean> {
  return (await findSetting(ctx.db, DONE_KEY)) === null
}

/**
 * A new set-up secret, replacing an earlier one, or null when the installation has its owner. Only its hash is kept.
 */
export async function openSetup(ctx: Ctx): Promise<string | null> {
  await authorize(ctx, 'instance.set-up', null)
  if (!(await isSetupOpen(ctx))) {
    return null
  }
  const secret = mintTokenSecret(ctx.random)
  await ctx.transaction(async (tx) => {
    await putSetting(tx.db, SECRET_KEY, hashTokenSecret(secret))
    await tx.record({ type: 'instance.set-up-opened', organization: null })
  })
  return secret
}

/** Whether a set-up secret is the one that opens this installation now. */
export async function isSetupSecret(ctx: Pick<Ctx, 'db'>, secret: string): Promise<boolean> {
  return (await isSetupOpen(ctx)) && (await findSetting(ctx.db, SECRET_KEY)) === hashTokenSecret(secret)
}

/**
 * Creates the owner and the first organization, once. A caller with the link passes its `secret`; an operator passes null.
 * Throws `setup_not_open` for a wrong or used secret or when there is a user already, and `invalid_input`.
 */
export async function setUpInstance(
  ctx: Ctx,
  input: SetUpInstance,
  secret: string | null,
): Promise<{ user: User; organization: Organization }> {
  await authorize(ctx, 'instance.set-up', null)
  if (secret === null && ctx.actor.kind === 'setup') {
    throw new DomainError('setup_not_open')
  }
  if (secret === null ? !(await isSetupOpen(ctx)) : !(await isSetupSecret(ctx, secret))) {
    throw new DomainError('setup_not_open')
  }
  const email = parseEmail(input.email)
  const name = parseDisplayName('name', input.name)
  parseSlug(input.organization.slug)
  requireAcceptablePassword(input.password, { email, name })
  const passwordHash = await ctx.passwords.hash(input.password)
  return ctx.transaction(async (tx) => {
    if (!(await claimSetting(tx.db, DONE_KEY, String(tx.now)))) {
      throw new DomainError('setup_not_open')
    }
    const user = await createUser(tx, { email, name, passwordHash, isOperator: true })
    const organization = await addOrganization(tx, { ...input.organization, owner: user })
    await tx.record({ type: 'instance.set-up', organization: organization.id, user: user.id })
    return { user, organization }
  })
}
