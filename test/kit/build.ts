/** Builders that put things into a test app: through the real publication where behaviour matters, in bulk where size does. */
import { normalizeVersion, parseStability } from '../../src/composer/index.ts'
import type { OrganizationId, PackageId, SourceId } from '../../src/core/kernel/values.ts'
import {
  findDist,
  findPackage,
  publishPackages,
  recordBuilt,
  rememberReferences,
  type CandidateVersion,
  type Publication,
} from '../../src/core/packages/index.ts'
import { createToken, type CreateToken } from '../../src/core/access/index.ts'
import { SYSTEM, type TestApp } from './app.ts'
import { READ_SCOPES } from '../../src/core/kernel/scopes.ts'

/** A version to publish; what is left out is made up of the version. */
export interface BuildVersion {
  version: string
  reference?: string
  manifest?: Record<string, unknown>
  defaultBranch?: boolean
  time?: string | null
  type?: string
}

export interface BuildPackage {
  organization: OrganizationId
  name?: string
  description?: string
  type?: string
  abandoned?: boolean | string
  versions?: readonly (string | BuildVersion)[]
}

/** A commit id made of a text, always the same for it. */
export function commitId(text: string): string {
  return new Bun.CryptoHasher('sha1').update(text).digest('hex')
}

/** Makes the package have exactly these versions, as a sync of its source would. Each package has a source of its own. */
export async function buildPackage(app: TestApp, input: BuildPackage): Promise<Publication> {
  const { organization, name = 'acme/http' } = input
  const source = await buildSource(app, organization, name)
  const versions = (input.versions ?? ['1.0.0']).map((version) => toCandidate(name, version))
  const { description = `The package ${name}.`, type = 'library', abandoned = false } = input
  return app.ctx(SYSTEM).transaction(async (tx) => {
    await tx.record({ type: 'source.synced', organization, source, versions: versions.length, skipped: 0 })
    return publishPackages(tx, { organization, source, packages: [{ name, type, description, abandoned, versions }] })
  })
}

function toCandidate(name: string, given: string | BuildVersion): CandidateVersion {
  const input = typeof given === 'string' ? { version: given } : given
  const { version, defaultBranch = false } = input
  const normalized = normalizeVersion(version)
  const stability = parseStability(version)
  return {
    version,
    normalized,
    type: input.type ?? 'library',
    stability,
    ref: stability === 'dev' ? `refs/heads/${version.replace(/^dev-/, '')}` : `refs/tags/${version}`,
    reference: input.reference ?? commitId(`${name} ${version}`),
    defaultBranch,
    manifest: JSON.stringify(input.manifest ?? { description: `The package ${name}.` }),
    time: input.time === undefined ? '2026-01-01T00:00:00+00:00' : input.time,
  }
}

/** The source of a package, made when it is asked for first. */
export async function buildSource(app: TestApp, organization: OrganizationId, name: string): Promise<SourceId> {
  const url = `https://git.example.org/${name}.git`
  const { read, write } = app.ports.database
  const found = await read
    .selectFrom('sources')
    .select('id')
    .where('organization_id', '=', organization)
    .where('url', '=', url)
    .executeTakeFirst()
  if (found !== undefined) {
    return found.id
  }
  const created = await write
    .insertInto('sources')
    .values({
      uid: app.ports.newId(),
      organization_id: organization,
      kind: 'vcs',
      url,
      credential_id: null,
      state: 'ready',
      default_branch: 'main',
      sync_revision: 1,
      problem_code: null,
      problem: null,
      synced_at: app.clock.now(),
      created_at: app.clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  return created.id
}

/** The id of a package. */
export async function packageIdOf(app: TestApp, organization: OrganizationId, name = 'acme/http'): Promise<PackageId> {
  const found = await findPackage(app.ports.database.read, organization, name)
  if (found === null) {
    throw new Error(`There is no package ${name}.`)
  }
  return found.id
}

/** Stores bytes as the archive of a reference, as a build would. Returns their checksums. */
export async function buildArchiveOf(
  app: TestApp,
  input: { package: PackageId; reference: string; bytes: Uint8Array },
): Promise<{ sha1: string; sha256: string; size: number }> {
  const { database, clock, blobs } = app.ports
  const blob = await blobs.put(
    (async function* () {
      yield input.bytes
    })(),
  )
  const newId = () => app.ports.newId()
  await rememberReferences(database.write, { package: input.package, references: [input.reference], newId, now: clock.now() })
  const dist = await findDist(database.write, input.package, input.reference)
  if (dist === null || !(await recordBuilt(database.write, dist.id, blob, clock.now()))) {
    throw new Error('The archive could not be recorded.')
  }
  database.touched()
  return blob
}

/** A token with the given rights and its secret. */
export async function buildToken(
  app: TestApp,
  organization: OrganizationId,
  rest: Partial<Omit<CreateToken, 'organization'>> = {},
): Promise<{ secret: string; uid: string }> {
  const issued = await createToken(app.ctx(), {
    organization,
    name: 'token',
    scopes: READ_SCOPES,
    packages: null,
    expiresAt: null,
    ...rest,
  })
  return { secret: issued.secret, uid: issued.token.uid }
}

const ROWS = 500

/** Inserts `packages` packages with `versions` versions each of `vendor/name-NNNNN`, straight into the tables. */
export async function buildMany(
  app: TestApp,
  input: { organization: OrganizationId; packages: number; versions: number; vendor?: string },
): Promise<void> {
  const { organization, packages, versions, vendor = 'bulk' } = input
  const source = await buildSource(app, organization, `${vendor}/all`)
  const { write } = app.ports.database
  const now = app.clock.now()
  await write.transaction().execute(async (tx) => {
    const manifest = await tx
      .insertInto('manifests')
      .values({ sha256: commitId(vendor), body: JSON.stringify({ description: 'Bulk.', require: { php: '>=8.1' } }) })
      .returning('id')
      .executeTakeFirstOrThrow()
    for (let start = 0; start < packages; start += ROWS) {
      const names = Array.from({ length: Math.min(ROWS, packages - start) }, (_, index) => start + index)
      const rows = names.map((number) => ({
        uid: `package-${vendor}-${number}`,
        organization_id: organization,
        source_id: source,
        name: `${vendor}/name-${String(number).padStart(5, '0')}`,
        type: 'library',
        description: `Bulk package number ${number}`,
        abandoned: null,
        revision: 1,
        modified_at: Math.floor(now / 1000),
        created_at: now,
      }))
      const inserted = await tx.insertInto('packages').values(rows).returning('id').execute()
      await insertVersions(tx, { ids: inserted.map(({ id }) => id), versions, manifest: manifest.id, now })
    }
  })
  app.ports.database.touched()
}

type Db = TestApp['ports']['database']['write']

async function insertVersions(
  tx: Db,
  input: { ids: readonly PackageId[]; versions: number; manifest: number; now: number },
): Promise<void> {
  const rows = input.ids.flatMap((id) =>
    Array.from({ length: input.versions }, (_, number) => ({
      uid: `version-${id}-${number}`,
      package_id: id,
      version: `1.${number}.0`,
      normalized: `1.${number}.0.0`,
      type: 'library',
      stability: 'stable' as const,
      ref: `refs/tags/1.${number}.0`,
      reference: commitId(String(number)),
      default_branch: 0 as const,
      manifest_id: input.manifest as never,
      time: '2026-01-01T00:00:00+00:00',
      published_at: input.now,
      updated_at: input.now,
      removed_at: null,
    })),
  )
  for (let start = 0; start < rows.length; start += ROWS) {
    await tx
      .insertInto('versions')
      .values(rows.slice(start, start + ROWS))
      .execute()
  }
}
