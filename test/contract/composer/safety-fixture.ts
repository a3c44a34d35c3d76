import { importAdvisories } from '../../../src/core/advisories/index.ts'
import type { OrganizationId, SourceId } from '../../../src/core/kernel/values.ts'
import { publishMirrored } from '../../../src/core/packages/index.ts'
import { createTestApp, SYSTEM, type TestApp } from '../../kit/app.ts'
import { buildPackage, buildToken, commitId, type BuildPackage } from '../../kit/build.ts'
import { createTestServer, type TestRequest } from '../../kit/http.ts'

export const FEED = 'https://advisories.example.org/api/security-advisories/'

/** An advisory as an advisories API tells it. */
export function toldAdvisory(packageName: string, rest: Readonly<Record<string, unknown>> = {}) {
  return {
    advisoryId: 'PKSA-bbbb-cccc-dddd',
    packageName,
    remoteId: 'GHSA-0000-1111-2222',
    title: 'Requests can be smuggled',
    link: 'https://advisories.example.org/1',
    cve: 'CVE-2026-1234',
    affectedVersions: '>=1.0,<1.2|>=2.0,<2.0.1',
    source: 'GitHub',
    reportedAt: '2026-02-01 10:00:00',
    composerRepository: 'https://packagist.org/',
    severity: 'high',
    sources: [{ name: 'GitHub', remoteId: 'GHSA-0000-1111-2222' }],
    ...rest,
  }
}

interface SafetySetup {
  feed?: boolean
  malwareFeed?: string
  publicUrl?: string
}

/**
 * A server with the organization `acme`, its private package `acme/http` and a token. `feed`: whether the installation asks a feed at all; nothing
 * has been received until `receive` is called.
 */
export async function setUpSafety({ feed = true, malwareFeed, publicUrl }: SafetySetup = {}) {
  const app = await createTestApp({
    ...(feed ? { advisoryFeed: FEED } : {}),
    ...(malwareFeed === undefined ? {} : { malwareFeed }),
  })
  app.leaveJobs()
  const server = await createTestServer({ app, ...(publicUrl === undefined ? {} : { config: { publicUrl } }) })
  const organization = await app.organization()
  await buildPackage(app, { organization: organization.id, versions: ['1.0.0', '1.1.0', '1.2.0'] })
  const { secret: token } = await buildToken(app, organization.id)
  const get = (path: string, headers: TestRequest['headers'] = {}) => server.send(path, { token, headers })
  const post = (path: string, body: unknown, type = 'application/json') =>
    server.send(path, {
      method: 'POST',
      token,
      headers: { 'Content-Type': type },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  return {
    ...server,
    app,
    organization,
    token,
    get,
    post,
    /** A form as Composer posts it. */
    form: (path: string, body: string) => post(path, body, 'application/x-www-form-urlencoded'),
    root: async (headers: TestRequest['headers'] = {}) => body(await get('/acme/packages.json', headers)),
    metadata: async (name = 'acme/http') => body(await get(`/acme/p2/${name}.json`)),
    /** What an installation receives as a complete answer of a feed. */
    receive: (...advisories: ReturnType<typeof toldAdvisory>[]) =>
      importAdvisories(app.ctx(), {
        text: JSON.stringify({ advisories: Object.groupBy(advisories, ({ packageName }) => packageName) }),
        isComplete: true,
      }),
  }
}

/** The JSON of a response. */
export async function body(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>
}

/** Makes a mirror of an organization. */
export async function buildMirror(
  app: TestApp,
  organization: OrganizationId,
  { url = 'https://upstream.example.org', filter = null }: { url?: string; filter?: unknown } = {},
): Promise<SourceId> {
  const { write } = app.ports.database
  const { id } = await write
    .insertInto('sources')
    .values({
      uid: app.ports.newId(),
      organization_id: organization,
      kind: 'mirror',
      url,
      credential_id: null,
      state: 'ready',
      default_branch: null,
      sync_revision: 1,
      problem_code: null,
      problem: null,
      synced_at: app.clock.now(),
      created_at: app.clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  const protocol = { kind: 'metadata', url: `${url}/p2/%package%.json` }
  const root = { protocol, available: null, hasPackages: false, changesUrl: null, listUrl: null, advisories: null, filter }
  await write
    .insertInto('mirrors')
    .values({
      source_id: id,
      name: 'upstream',
      behavior: 'add_on_use',
      position: 1,
      timeout_ms: 10_000,
      only_names: null,
      except_names: null,
      keeps_archives: 1,
      takes_all: 0,
      holds_suspects: 0,
      root: JSON.stringify(root),
      root_modified: null,
      root_etag: null,
      root_checked_at: app.clock.now(),
      feed_since: null,
      failing_since: null,
    })
    .execute()
  app.ports.database.touched()
  return id
}

/** Publishes a package as one of a mirror. */
export async function buildMirrored(
  app: TestApp,
  {
    organization,
    source,
    name,
    versions,
  }: { source: SourceId; name: string } & Required<Pick<BuildPackage, 'organization'>> & { versions: readonly string[] },
): Promise<void> {
  await app.ctx(SYSTEM).transaction(async (tx) => {
    await tx.record({ type: 'source.synced', organization, source, versions: versions.length, skipped: 0 })
    await publishMirrored(tx, {
      organization,
      source,
      candidate: {
        name,
        type: 'library',
        description: '',
        abandoned: false,
        versions: versions.map((version) => ({
          version,
          normalized: `${version}.0`,
          type: 'library',
          stability: 'stable' as const,
          ref: version,
          reference: commitId(`${name} ${version}`),
          defaultBranch: false,
          manifest: JSON.stringify({ origin: { source: null, hasDist: true } }),
          time: null,
        })),
      },
      result: { changed: [], held: [], taken: [], published: 0, updated: 0, removed: 0 },
    })
  })
}
