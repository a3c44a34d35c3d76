/**
 * Names that are private are never asked of any upstream (abuse case 34), and what upstreams have under them is never shown (abuse case 33). Private is
 * what is or was a package of a source of one's own, in the top organization or any of its suborganizations; its vendor, unless packages of
 * that vendor were mirrored before; the vendor that is called like the top organization; and what administrators reserve.
 */
import { coversPackage } from '../access/index.ts'
import type { ReactingTx } from '../kernel/ctx.ts'
import type { DomainEvent, RecordedEvent } from '../kernel/events.ts'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId, PackageId, SourceId } from '../kernel/values.ts'
import { findOrganization, selectFamily } from '../organizations/index.ts'
import { findSource } from '../sources/index.ts'
import { upsertIncident } from './incidents.sql.ts'
import { deleteMirrored, hasMirroredOfVendor } from './mirrored-packages.sql.ts'
import { insertReservations, selectPrivateNames, selectReservationsFor, type NameReservation } from './name-reservations.sql.ts'

/** The organization whose reservations hold in an organization: its parent, or itself. */
export async function findTop(db: Db, organization: OrganizationId): Promise<{ id: OrganizationId; slug: string } | null> {
  const own = await findOrganization(db, organization)
  return own === null || own.parent === null ? own : findOrganization(db, own.parent)
}

/** The pattern by which a name (lower case) is kept for private packages in an organization, or null. */
export async function findReservation(db: Db, organization: OrganizationId, name: string): Promise<string | null> {
  return (await findReservations(db, organization, [name])).get(name) ?? null
}

/** The patterns by which names (lower case, at most some hundred) are kept for private packages in an organization; others are left out. */
export async function findReservations(
  db: Db,
  organization: OrganizationId,
  names: readonly string[],
): Promise<Map<string, string>> {
  const top = await findTop(db, organization)
  if (top === null) {
    return new Map(names.map((name) => [name, name]))
  }
  const reservations = await selectReservationsFor(db, top.id, names)
  const privates = await selectPrivateNames(db, top.id, names)
  return new Map(
    names.flatMap((name): [string, string][] => {
      const pattern = findPattern(reservations, { slug: top.slug, name }) ?? (privates.has(name) ? name : null)
      return pattern === null ? [] : [[name, pattern]]
    }),
  )
}

/** As `findReservation`, for those reservations of a top organization that `selectReservationsFor` gave. */
export function findPattern(
  reservations: readonly NameReservation[],
  { slug, name }: { slug: string; name: string },
): string | null {
  const covering = reservations.filter(({ pattern }) => coversPackage([pattern], name))
  const wanted = covering.find(({ kind }) => kind === 'name' || kind === 'manual')
  if (wanted !== undefined) {
    return wanted.pattern
  }
  if (covering.some(({ kind }) => kind === 'released')) {
    return null
  }
  const vendor = vendorPattern(name)
  const isReserved = vendor === `${slug}/*` || covering.length > 0
  return isReserved ? (covering[0]?.pattern ?? vendor) : null
}

/** The pattern of all names of a name's vendor. */
export function vendorPattern(name: string): string {
  return `${name.slice(0, name.indexOf('/'))}/*`
}

type About<Type extends DomainEvent['type']> = Extract<DomainEvent, { type: Type }>

/**
 * Reacts to the events of a transaction: reserves the names of private packages with the change that brings them, and notes which mirrored
 * packages were given over to private sources.
 */
export async function protectNames(tx: ReactingTx, events: readonly RecordedEvent[]): Promise<void> {
  const created: About<'package.created'>[] = []
  const known = new Map<SourceId, boolean>()
  for (const { event } of events) {
    if (event.type === 'package.created') {
      const isPrivate = known.get(event.source) ?? (await isPrivateSource(tx.db, event.source))
      known.set(event.source, isPrivate)
      created.push(...(isPrivate ? [event] : []))
    }
    if (event.type === 'package.taken-over') {
      await noteTakenOver(tx, event)
      await reserve(tx, event.organization, [event.name])
    }
  }
  for (const organization of [...new Set(created.map((event) => event.organization))].toSorted((left, right) => left - right)) {
    const names = created.filter((event) => event.organization === organization).map(({ name }) => name)
    await reserve(tx, organization, names)
  }
}

async function isPrivateSource(db: Db, source: SourceId): Promise<boolean> {
  const found = await findSource(db, source)
  return found !== null && found.kind !== 'mirror'
}

async function reserve(tx: ReactingTx, organization: OrganizationId, names: readonly string[]): Promise<void> {
  const top = await findTop(tx.db, organization)
  if (top === null) {
    return
  }
  const family = await selectFamily(tx.db, top.id)
  const reservations = names.map((pattern): NameReservation => ({ pattern, kind: 'name', createdAt: tx.now }))
  for (const vendor of new Set(names.map(vendorPattern))) {
    if (!(await hasMirroredOfVendor(tx.db, family, vendor.slice(0, -2)))) {
      reservations.push({ pattern: vendor, kind: 'vendor', createdAt: tx.now })
    }
  }
  // In one order everywhere: two transactions that reserve the same names must not wait for each other in a circle.
  await insertReservations(
    tx.db,
    top.id,
    reservations.toSorted((left, right) => (left.pattern < right.pattern ? -1 : 1)),
  )
}

async function noteTakenOver(tx: ReactingTx, event: About<'package.taken-over'>): Promise<void> {
  await deleteMirrored(tx.db, event.package satisfies PackageId)
  await upsertIncident(tx.db, {
    uid: tx.newId(),
    source: event.mirror,
    kind: 'taken-over',
    subject: event.name,
    detail: `${event.name} was mirrored, and is a private package now; its mirrored versions are not offered any more`,
    at: tx.now,
  })
}
