/** Fills a data directory through the core's own commands, so that what is measured is what users have. */
import { createHash } from 'node:crypto'
import { openApp, systemCtx, type App } from '../src/compose.ts'
import { readConfig } from '../src/config.ts'
import { createOrganization, createToken } from '../src/core/access/index.ts'
import type { Ctx } from '../src/core/kernel/ctx.ts'
import type { OrganizationId, SourceId } from '../src/core/kernel/values.ts'
import type { Organization } from '../src/core/organizations/index.ts'
import {
  findDist,
  findPackage,
  publishPackages,
  recordBuilt,
  type CandidatePackage,
  type CandidateVersion,
} from '../src/core/packages/index.ts'
import { environmentOf } from './server.ts'
import { READ_SCOPES } from '../src/core/kernel/scopes.ts'

const PACKAGES_PER_TRANSACTION = 1_000

/** Opens a data directory in this process, also beside a running server. */
export async function openData(directory: string): Promise<{ app: App; ctx: () => Ctx }> {
  const app = await openApp(readConfig(environmentOf(directory)), { migrates: true, write: () => {} })
  return { app, ctx: () => systemCtx(app, 'bench') }
}

/** Creates an organization and a token that reads it; `packages` limits a second token. */
export async function addOrganization(
  ctx: Ctx,
  slug: string,
): Promise<{ organization: Organization; authorization: string; limited: (packages: readonly string[]) => Promise<string> }> {
  const organization = await createOrganization(ctx, { slug, name: slug })
  const issue = async (packages: readonly string[] | null): Promise<string> => {
    const input = { organization: organization.id, name: 'bench', scopes: READ_SCOPES, packages, expiresAt: null }
    return toAuthorization((await createToken(ctx, input)).secret)
  }
  return { organization, authorization: await issue(null), limited: issue }
}

function toAuthorization(secret: string): string {
  return `Basic ${Buffer.from(`token:${secret}`).toString('base64')}`
}

/** The secret in an Authorization header made here. */
export function secretOf(authorization: string): string {
  return Buffer.from(authorization.slice('Basic '.length), 'base64').toString().slice('token:'.length)
}

/** Publishes packages as a sync would. */
export async function publish(ctx: Ctx, organization: OrganizationId, packages: readonly CandidatePackage[]): Promise<void> {
  for (let start = 0; start < packages.length; start += PACKAGES_PER_TRANSACTION) {
    const chunk = packages.slice(start, start + PACKAGES_PER_TRANSACTION)
    await ctx.transaction(async (tx) => {
      const row = {
        uid: tx.newId(),
        organization_id: organization,
        kind: 'vcs' as const,
        url: `https://git.example.org/${chunk[0]?.name}.git`,
        credential_id: null,
        state: 'ready' as const,
        default_branch: 'main',
        sync_revision: 1,
        problem_code: null,
        problem: null,
        synced_at: tx.now,
        created_at: tx.now,
      }
      const { id } = await tx.db.insertInto('sources').values(row).returning('id').executeTakeFirstOrThrow()
      await publishPackages(tx, { organization, source: id as SourceId, packages: chunk })
    })
  }
}

/** Stores the bytes of an archive as if they had been built. */
export async function storeArchive(
  ctx: Ctx,
  input: { organization: OrganizationId; name: string; reference: string; bytes: Uint8Array },
): Promise<void> {
  const target = await findPackage(ctx.db, input.organization, input.name)
  const dist = target === null ? null : await findDist(ctx.db, target.id, input.reference)
  if (dist === null) {
    throw new Error(`${input.name} has no archive ${input.reference}.`)
  }
  const blob = await ctx.blobs.put(chunksOf(input.bytes))
  await ctx.transaction(async (tx) => {
    await recordBuilt(tx.db, dist.id, blob, tx.now)
  })
}

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

/** A package with releases 1.0.0, 1.1.0, … that look like those of a library in daily use. */
export function makePackage(name: string, versions: number, requires: readonly string[] = []): CandidatePackage {
  return {
    name,
    type: 'library',
    description: `The ${name} library`,
    abandoned: false,
    versions: Array.from({ length: versions }, (_, index) => makeVersion(name, index, requires)),
  }
}

/** The commit of a version made by `makePackage`. */
export function referenceOf(name: string, index: number): string {
  return createHash('sha1').update(`${name} ${index}`).digest('hex')
}

function makeVersion(name: string, index: number, requires: readonly string[]): CandidateVersion {
  const version = `1.${index}.0`
  const manifest = {
    description: `The ${name} library`,
    keywords: ['bench', name.slice(0, name.indexOf('/'))],
    license: ['MIT'],
    authors: [{ name: 'A U Thor', email: 'author@example.org' }],
    autoload: { 'psr-4': { [`Bench\\P${referenceOf(name, 0).slice(0, 6)}\\`]: 'src/' } },
    require: {
      php: `>=8.${index % 4}`,
      ...Object.fromEntries(requires.map((required) => [required, `^1.${Math.floor(index / 2)}`])),
    },
    extra: { build: referenceOf(name, -index).slice(0, 12) },
  }
  return {
    version,
    normalized: `${version}.0`,
    type: 'library',
    stability: 'stable',
    ref: `refs/tags/${version}`,
    reference: referenceOf(name, index),
    defaultBranch: false,
    manifest: JSON.stringify(manifest),
    time: new Date(1_600_000_000_000 + index * 86_400_000).toISOString().replace(/\.\d+Z/, '+00:00'),
  }
}
