/**
 * An organization together with its suborganizations as one repository (contract gitlab.md §4): what somebody sees of it is what they see of each, and
 * packages of one name are one package.
 */
import type { Actor } from '../kernel/actor.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { narrower } from '../kernel/visibility.ts'
import { findOrganization, findOrganizationByPath, listFamily, type Organization } from '../organizations/index.ts'
import { findPackage, selectAllPackages, type Package } from '../packages/index.ts'
import { cloneUrl, selectSourcesById, type Source } from '../sources/index.ts'
import { findAudience, isNobody, requireUse, sees, type Audience } from './audience.ts'
import { readCatalogStamp } from './catalog-stamp.sql.ts'
import { isOpenOrigin } from './version-origin.ts'

/** What an actor sees of an organization and its suborganizations. */
export interface FamilyAudience {
  organization: Organization
  /** Of each organization of which something is seen, the top first. */
  parts: readonly Audience[]
  /** The same for audiences that see the same. */
  view: string
}

/** A package in a family, with what the actor is told of its repository: a URL to clone, or null. */
export interface FamilyPackage {
  package: Package
  repository: string | null
}

/**
 * The audience of an actor in a family, which is named by its id or path (in lower case). Throws `scope_missing` for a token that is not for the
 * use of repositories, whatever it asks for; `unauthenticated` for nobody and `organization_not_found` for others where nothing may be
 * seen. Belonging to a suborganization is enough to see it through its parent.
 */
export async function getFamilyAudience(ctx: Pick<Ctx, 'actor' | 'db'>, key: OrganizationId | string): Promise<FamilyAudience> {
  requireUse(ctx.actor)
  const organization = await findByKey(ctx.db, key)
  const parts: Audience[] = []
  for (const member of organization === null ? [] : await listFamily(ctx.db, organization)) {
    const audience = await findAudience({ db: ctx.db, actor: actorWithin(ctx.actor, member) }, member)
    if (audience !== null) {
      parts.push(audience)
    }
  }
  if (organization === null || parts.length === 0) {
    throw new DomainError(isNobody(ctx.actor) ? 'unauthenticated' : 'organization_not_found')
  }
  return { organization, parts, view: parts.map((part) => `${part.organization.id}=${part.origins}:${part.view}`).join(';') }
}

function findByKey(db: Db, key: OrganizationId | string): Promise<Organization | null> {
  return typeof key === 'number' ? findOrganization(db, key) : findOrganizationByPath(db, key)
}

/** A token of an organization acts in its suborganizations as one of theirs, as its owners do. */
export function actorWithin(actor: Actor, { id, parent }: Pick<Organization, 'id' | 'parent'>): Actor {
  const isParents = actor.kind === 'token' && actor.organization !== null && actor.organization === parent
  return isParents ? { ...actor, organization: id } : actor
}

/** The packages of one name (lower case) that the audience sees, in the order of the parts. */
export async function findFamilyPackages(db: Db, audience: FamilyAudience, name: string): Promise<FamilyPackage[]> {
  const found: [Audience, Package][] = []
  for (const part of audience.parts) {
    const target = sees(part, name) ? await findPackage(db, part.organization.id, name) : null
    if (target !== null) {
      found.push([part, target])
    }
  }
  return withRepositories(db, found)
}

/** All packages that the audience sees, by name, the names in the order of their bytes. */
export async function listFamilyPackages(db: Db, audience: FamilyAudience): Promise<Map<string, FamilyPackage[]>> {
  const found: [Audience, Package][] = []
  for (const part of audience.parts) {
    const packages = await selectAllPackages(db, part.organization.id)
    found.push(...packages.filter(({ name }) => sees(part, name)).map((target): [Audience, Package] => [part, target]))
  }
  const byName = new Map<string, FamilyPackage[]>()
  const all = await withRepositories(db, found)
  for (const one of all.toSorted((left, right) => (left.package.name < right.package.name ? -1 : 1))) {
    byName.set(one.package.name, [...(byName.get(one.package.name) ?? []), one])
  }
  return byName
}

async function withRepositories(db: Db, found: readonly [Audience, Package][]): Promise<FamilyPackage[]> {
  const sources = await selectSourcesById(db, [...new Set(found.map(([, { source }]) => source))])
  return found.map(([part, target]) => {
    const source = sources.get(target.source)
    return { package: target, repository: source === undefined ? null : repositoryFor(part, source) }
  })
}

function repositoryFor({ organization, origins }: Audience, source: Source): string | null {
  if (origins === 'open' && !isOpenOrigin(source)) {
    return null
  }
  return cloneUrl(source.url, narrower(organization.visibility, source.visibility))
}

/** When what a family shows was last changed; see `CatalogStamp`. */
export async function readFamilyStamp(db: Db, { parts }: FamilyAudience): Promise<{ revision: string; modifiedAt: number }> {
  const stamps = []
  for (const { organization } of parts) {
    stamps.push(await readCatalogStamp(db, organization))
  }
  return {
    revision: stamps.map(({ revision }) => revision).join(),
    modifiedAt: Math.max(...stamps.map(({ modifiedAt }) => modifiedAt)),
  }
}
