import type { Db } from '../kernel/schema.ts'
import type { OrganizationId } from '../kernel/values.ts'

/** How the repositories of an organization and its suborganizations present themselves, and what is done for their safety. */
export interface RepositoryOptions {
  /** `registry`: archives are addressed here alone. `upstream`: as the upstream does, with the registry as preferred mirror. */
  archiveUrls: 'registry' | 'upstream'
  /** Of which packages no `source` is shown: none, those that are mirrored, or all. */
  hiddenSources: 'never' | 'mirrored' | 'always'
  /** Whether versions that a malware list names are kept back. */
  blocksMalware: boolean
  /** Whether packages are compared with advisories, and whether owners and admins are told what was found. */
  audits: boolean
  auditNotices: boolean
}

/** What holds where nothing was chosen. */
export const DEFAULT_REPOSITORY_OPTIONS: RepositoryOptions = {
  archiveUrls: 'registry',
  hiddenSources: 'mirrored',
  blocksMalware: true,
  audits: true,
  auditNotices: true,
}

/** The options that hold in an organization: those of its parent for a suborganization. */
export async function findRepositoryOptions(db: Db, organization: OrganizationId): Promise<RepositoryOptions> {
  const row = await db
    .selectFrom('organizations')
    .innerJoin('repository_options', (join) =>
      join.on((on) =>
        on('repository_options.organization_id', '=', on.fn.coalesce('organizations.parent_id', 'organizations.id')),
      ),
    )
    .select([
      'archive_urls as archiveUrls',
      'hidden_sources as hiddenSources',
      'blocks_malware as blocksMalware',
      'audits',
      'audit_notices as auditNotices',
    ])
    .where('organizations.id', '=', organization)
    .executeTakeFirst()
  if (row === undefined) {
    return DEFAULT_REPOSITORY_OPTIONS
  }
  const { blocksMalware, audits, auditNotices, ...rest } = row
  return { ...rest, blocksMalware: blocksMalware === 1, audits: audits === 1, auditNotices: auditNotices === 1 }
}

/** Writes the options of a top-level organization. */
export async function putRepositoryOptions(db: Db, organization: OrganizationId, options: RepositoryOptions): Promise<void> {
  const columns = {
    archive_urls: options.archiveUrls,
    hidden_sources: options.hiddenSources,
    blocks_malware: options.blocksMalware ? (1 as const) : (0 as const),
    audits: options.audits ? (1 as const) : (0 as const),
    audit_notices: options.auditNotices ? (1 as const) : (0 as const),
  }
  await db
    .insertInto('repository_options')
    .values({ organization_id: organization, ...columns })
    .onConflict((conflict) => conflict.column('organization_id').doUpdateSet(columns))
    .execute()
}

/** The organizations and suborganizations whose packages are not compared with advisories, for conditions on ids. */
export function unauditedOrganizations(db: Db) {
  return db
    .selectFrom('organizations')
    .innerJoin('repository_options', (join) =>
      join.on((on) =>
        on('repository_options.organization_id', '=', on.fn.coalesce('organizations.parent_id', 'organizations.id')),
      ),
    )
    .select('organizations.id')
    .where('repository_options.audits', '=', 0)
}
