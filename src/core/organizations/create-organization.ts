import { parseDisplayName } from '../accounts/index.ts'
import type { Tx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { toSeconds, type OrganizationId, type UserId } from '../kernel/values.ts'
import { insertMember } from './members.sql.ts'
import { insertOrganization, type Organization } from './organizations.sql.ts'
import { isReservedSlug, parseSlug, parseSuborganizationSlug, suggestSlug } from './slug.ts'

/** An organization to be created, with its first owner if it has one. */
export interface NewOrganization {
  /** Made of the name when it is left out or null. */
  slug?: string | null
  name: string
  /** The organization of which it is a suborganization. */
  parent?: OrganizationId | null
  owner: { id: UserId } | null
}

/** Organizations of one name that still get a slug of their own. */
const MAX_SUGGESTIONS = 1000

/**
 * Creates an organization in the caller's transaction. A slug that is not given is made of the name, with `-2`, `-3` and so on while it
 * is reserved or taken (PR-020), also when several are created at once. Throws `invalid_input` for slug or name,
 * `slug_taken`. Whoever calls has authorized.
 */
export async function addOrganization(tx: Tx, input: NewOrganization): Promise<Organization> {
  const name = parseDisplayName('name', input.name)
  const organization = await insertWithSlug(tx, { slug: input.slug ?? null, name, parent: input.parent ?? null })
  await tx.record({ type: 'organization.created', organization: organization.id, slug: organization.slug })
  if (input.owner !== null) {
    await insertMember(tx.db, { organization: organization.id, user: input.owner.id, role: 'owner', createdAt: tx.now })
    await tx.record({ type: 'member.added', organization: organization.id, user: input.owner.id, role: 'owner' })
  }
  return organization
}

async function insertWithSlug(
  tx: Tx,
  { slug, name, parent }: { slug: string | null; name: string; parent: OrganizationId | null },
): Promise<Organization> {
  const insert = (candidate: string) =>
    insertOrganization(tx.db, {
      uid: tx.newId(),
      slug: candidate,
      name,
      parent,
      modifiedAt: toSeconds(tx.now),
      createdAt: tx.now,
    })
  if (slug !== null) {
    const organization = await insert(parent === null ? parseSlug(slug) : parseSuborganizationSlug(slug))
    if (organization === null) {
      throw new DomainError('slug_taken', { slug })
    }
    return organization
  }
  const level = parent === null ? 'organization' : 'suborganization'
  for (let number = 1; number <= MAX_SUGGESTIONS; number += 1) {
    const candidate = suggestSlug(name, number)
    const organization = isReservedSlug(candidate, level) ? null : await insert(candidate)
    if (organization !== null) {
      return organization
    }
  }
  throw new DomainError('slug_taken', { slug: suggestSlug(name, 1) })
}
