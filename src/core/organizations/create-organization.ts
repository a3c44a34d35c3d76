import { parseDisplayName, type User } from '../accounts/index.ts'
import type { Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { toSeconds } from '../kernel/values.ts'
import { insertMember, insertOrganization, type Organization } from './organizations.sql.ts'
import { parseSlug } from './slug.ts'

/** A top-level organization to be created, with its first owner if it has one. */
export interface NewOrganization {
  slug: string
  name: string
  owner: User | null
}

/**
 * Creates a top-level organization in the caller's transaction. Throws `invalid_input` for slug or name,
 * `slug_taken`. Whoever calls has authorized.
 */
export async function addOrganization(tx: Tx, input: NewOrganization): Promise<Organization> {
  const slug = parseSlug(input.slug)
  const name = parseDisplayName('name', input.name)
  const organization = await insertOrganization(tx.db, {
    uid: tx.newId(),
    slug,
    name,
    modifiedAt: toSeconds(tx.now),
    createdAt: tx.now,
  })
  if (organization === null) {
    throw new DomainError('slug_taken', { slug })
  }
  await tx.record({ type: 'organization.created', organization: organization.id, slug })
  if (input.owner !== null) {
    await insertMember(tx.db, { organization: organization.id, user: input.owner.id, role: 'owner', createdAt: tx.now })
    await tx.record({ type: 'member.added', organization: organization.id, user: input.owner.id, role: 'owner' })
  }
  return organization
}
