import { authorize, parsePackageGlobs } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import type { OrganizationId } from '../kernel/values.ts'
import {
  deleteReservation,
  putReservation,
  selectPrivateNames,
  selectReservations,
  type NameReservation,
} from './name-reservations.sql.ts'
import { findTop } from './protect-names.ts'

const MOST_PATTERNS = 1_000

/**
 * The names and patterns that are kept for private packages in an organization and its suborganizations, by pattern. The vendor that is called
 * like the organization is among them.
 */
export async function listReservations(ctx: Ctx, organization: OrganizationId): Promise<NameReservation[]> {
  await authorize(ctx, 'mirror.list', organization)
  const top = await requireTop(ctx, organization)
  const reservations = await selectReservations(ctx.db, top.id)
  const own = `${top.slug}/*`
  const isKnown = reservations.some(({ pattern }) => pattern === own)
  const all: NameReservation[] = isKnown ? reservations : [...reservations, { pattern: own, kind: 'vendor', createdAt: 0 }]
  return all.toSorted((left, right) => (left.pattern < right.pattern ? -1 : 1))
}

/** Keeps names or patterns for private packages: they are never asked of any upstream. Packages that are mirrored already stay. */
export async function reserveNames(ctx: Ctx, organization: OrganizationId, patterns: readonly string[]): Promise<void> {
  await authorize(ctx, 'mirror.change', organization)
  const parsed = requirePatterns(patterns)
  const top = await requireTop(ctx, organization)
  await ctx.transaction(async (tx) => {
    const reservations = await selectReservations(tx.db, top.id)
    if (reservations.filter(({ kind }) => kind !== 'name').length + parsed.length > MOST_PATTERNS) {
      throw new DomainError('limit_reached', { limit: MOST_PATTERNS, things: 'reserved patterns' })
    }
    for (const pattern of parsed.toSorted()) {
      await putReservation(tx.db, top.id, { pattern, kind: 'manual', createdAt: tx.now })
    }
    await tx.record({ type: 'names.reserved', organization: top.id, patterns: parsed })
  })
}

/**
 * Gives reserved names or patterns free, also those that were reserved by themselves; a vendor that is given free is not reserved by itself again. The
 * name of a private package stays reserved while there is the package. Throws `invalid_input` for such a one.
 */
export async function releaseNames(ctx: Ctx, organization: OrganizationId, patterns: readonly string[]): Promise<void> {
  await authorize(ctx, 'mirror.change', organization)
  const parsed = requirePatterns(patterns)
  const top = await requireTop(ctx, organization)
  await ctx.transaction(async (tx) => {
    const privates = await selectPrivateNames(tx.db, top.id, parsed)
    for (const pattern of parsed.toSorted()) {
      if (privates.has(pattern)) {
        throw invalidInput('names', `${pattern} is a private package; its name stays reserved while it exists`)
      }
      await deleteReservation(tx.db, top.id, pattern)
      if (/^[^*]+\/\*$/.test(pattern)) {
        await putReservation(tx.db, top.id, { pattern, kind: 'released', createdAt: tx.now })
      }
    }
    await tx.record({ type: 'names.released', organization: top.id, patterns: parsed })
  })
}

function requirePatterns(patterns: readonly string[]): string[] {
  const parsed = parsePackageGlobs(patterns)
  if (parsed === null) {
    throw invalidInput('names', 'give at least one name or pattern')
  }
  return parsed
}

async function requireTop(ctx: Ctx, organization: OrganizationId): Promise<{ id: OrganizationId; slug: string }> {
  const top = await findTop(ctx.db, organization)
  if (top === null) {
    throw new DomainError('organization_not_found')
  }
  return top
}
