import { MAX_CONSTRAINT_LENGTH, tryParseConstraint } from '../../composer/index.ts'
import { authorize } from '../access/index.ts'
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { toSeconds, type OrganizationId } from '../kernel/values.ts'
import { bumpOrganization, lockOrganization, type Organization } from '../organizations/index.ts'
import { deleteMessage, insertMessage, selectMessages, type RepositoryMessage } from './repository-messages.sql.ts'

/** Every client prints all of them at every command. */
const MAX_MESSAGES = 20
const MAX_LENGTH = 500

/**
 * Adds a message that Composer prints when it reads the repository (CO-011). `versions` says which: a constraint on the version of Composer. Messages
 * of an organization are not those of its suborganizations. Throws `invalid_input` and `limit_reached`.
 */
export async function addMessage(
  ctx: Ctx,
  input: { organization: Organization } & Pick<RepositoryMessage, 'kind' | 'message' | 'versions'>,
): Promise<RepositoryMessage> {
  const { organization, kind } = input
  await authorize(ctx, 'repository.configure', organization.id)
  const message = parseMessage(input.message)
  const versions = parseVersions(input.versions)
  return ctx.transaction(async (tx) => {
    await holdRepository(tx, organization.id)
    if ((await selectMessages(tx.db, organization.id)).length >= MAX_MESSAGES) {
      throw new DomainError('limit_reached', { limit: MAX_MESSAGES, things: 'messages' })
    }
    const added = await insertMessage(tx.db, organization.id, { uid: tx.newId(), kind, message, versions, createdAt: tx.now })
    await bumpOrganization(tx.db, organization.id, toSeconds(tx.now))
    await tx.record({ type: 'repository.message-added', organization: organization.id, kind, versions, message })
    return added
  })
}

/** The messages of a repository, oldest first. */
export async function listMessages(ctx: Ctx, organization: OrganizationId): Promise<RepositoryMessage[]> {
  await authorize(ctx, 'repository.read', organization)
  return selectMessages(ctx.db, organization)
}

/** Takes a message back. Throws `message_not_found`. */
export async function removeMessage(
  ctx: Ctx,
  { organization, uid }: { organization: Organization; uid: string },
): Promise<RepositoryMessage> {
  await authorize(ctx, 'repository.configure', organization.id)
  return ctx.transaction(async (tx) => {
    const removed = await deleteMessage(tx.db, organization.id, uid)
    if (removed === null) {
      throw new DomainError('message_not_found')
    }
    const { kind, message } = removed
    await bumpOrganization(tx.db, organization.id, toSeconds(tx.now))
    await tx.record({ type: 'repository.message-removed', organization: organization.id, kind, message })
    return removed
  })
}

/** Keeps others who change how a repository presents itself waiting until the transaction ends. Throws `organization_not_found`. */
export async function holdRepository(tx: Tx, organization: OrganizationId): Promise<void> {
  if ((await lockOrganization(tx.db, organization)) === null) {
    throw new DomainError('organization_not_found')
  }
}

/** It ends up in terminals: no line breaks, no controls, nothing that changes the direction of text. */
function parseMessage(text: string): string {
  const message = text.trim()
  if (message === '' || message.length > MAX_LENGTH || /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u.test(message)) {
    throw invalidInput('message', `give 1 to ${MAX_LENGTH} characters in one line`)
  }
  return message
}

function parseVersions(text: string): string {
  const versions = text.trim()
  if (versions.length > MAX_CONSTRAINT_LENGTH || tryParseConstraint(versions) === null) {
    throw invalidInput('versions', 'give a constraint on the version of Composer, such as "<2.2", or "*" for all')
  }
  return versions
}
