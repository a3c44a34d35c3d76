/** The real Composer audits through the registry, is kept from what is blocked, and prints what it is told. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { blockPackage, importAdvisories, unblockPackage, withdrawAdvisory, addAdvisory } from '../../src/core/advisories/index.ts'
import { addMessage } from '../../src/core/catalog/index.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import { findOrganizationBySlug, type Organization } from '../../src/core/organizations/index.ts'
import { basicAuth, createProject } from './kit/composer.ts'
import { EXAMPLE_INSTALLED, publishExample } from './kit/example.ts'
import { summarize } from './kit/recording-proxy.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

const TIMEOUT = 60_000
const DAY = 24 * 60 * 60 * 1000

let registry: Registry
let token: string

beforeAll(async () => {
  registry = await startRegistry()
  token = await publishExample(registry)
}, TIMEOUT)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

/** Works in the installation as its operator does. */
function operate<Result>(work: (ctx: Ctx, organization: Organization) => Promise<Result>): Promise<Result> {
  return registry.inside(async (app) => {
    const ctx = app.ctx({ kind: 'operator' }, { surface: 'test', address: null, agent: null, requestId: null })
    const organization = await findOrganizationBySlug(ctx.db, 'acme')
    if (organization === null) {
      throw new Error('There is no organization acme.')
    }
    return work(ctx, organization)
  })
}

/** A complete database of advisories, with the given one about `acme/http`. */
function receive(affectedVersions: string | null): Promise<unknown> {
  const advisory = {
    advisoryId: 'PKSA-bbbb-cccc-dddd',
    packageName: 'acme/http',
    title: 'Requests can be smuggled',
    link: 'https://advisories.example.org/1',
    cve: 'CVE-2026-1234',
    affectedVersions,
    reportedAt: '2026-02-01 10:00:00',
    composerRepository: null,
    severity: 'high',
    sources: [{ name: 'GitHub', remoteId: 'GHSA-0000-1111-2222' }],
  }
  const advisories = affectedVersions === null ? {} : { 'acme/http': [advisory] }
  return operate((ctx) => importAdvisories(ctx, { text: JSON.stringify({ advisories }), isComplete: true }))
}

function project() {
  return createProject(registry, { token, require: { 'acme/core': '^1.0' } })
}

test(
  'CO-154 PR-121 audit says that nothing is known when nothing is, and update needs one request for it',
  async () => {
    await receive('<1.0')
    const used = project()

    const updated = await used.succeed(['update'])
    const requests = summarize(registry.proxy.exchanges).filter((line) => line.startsWith('POST'))
    const audited = await used.succeed(['audit'])

    expect(updated.output).toContain('No security vulnerability advisories found')
    expect(requests).toEqual(['POST /acme/notify-batch 201', 'POST /acme/api/security-advisories/ 200'])
    expect(audited.output).toContain('No security vulnerability advisories found')
    expect(audited.output).not.toContain('Warning from')
  },
  TIMEOUT,
)

const FORMATS: Record<string, RegExp> = {
  table: /PKSA-bbbb-cccc-dddd|CVE-2026-1234/,
  plain: /Package: acme\/http[\s\S]*CVE: CVE-2026-1234[\s\S]*Title: Requests can be smuggled[\s\S]*Affected versions: <1\.2/,
  json: /"acme\/http"[\s\S]*"advisoryId": "PKSA-bbbb-cccc-dddd"[\s\S]*"affectedVersions": "<1\.2"/,
  summary: /Found 1 security vulnerability advisory affecting 1 package/,
}

test(
  'CO-154 audit reports a finding in every format and fails, for what is installed and for what is locked',
  async () => {
    await receive('<1.2')
    const used = project()
    await used.composer(['update'])

    for (const [format, expected] of Object.entries(FORMATS)) {
      const audited = await used.composer(['audit', `--format=${format}`])
      expect([format, audited.code]).toEqual([format, 1])
      expect(audited.output).toMatch(expected)
    }
    const locked = await used.composer(['audit', '--locked', '--format=plain'])

    expect(used.installed()['acme/http']).toBe('1.1.0')
    expect(locked.code).toBe(1)
    expect(locked.output).toMatch(FORMATS['plain'] ?? /./)
  },
  TIMEOUT,
)

test(
  'CO-154 update tells of a finding in what it installs',
  async () => {
    await receive('<1.2')

    const updated = await project().succeed(['update'])

    expect(updated.output).toContain('Found 1 security vulnerability advisory affecting 1 package')
  },
  TIMEOUT,
)

test(
  'CO-154 an advisory of the organization itself is reported as long as it is not withdrawn',
  async () => {
    await receive(null)
    const used = project()
    await used.succeed(['update'])
    const { advisoryId } = await operate((ctx, { id: organization }) =>
      addAdvisory(ctx, {
        organization,
        packageName: 'acme/log',
        affectedVersions: '^1.0',
        title: 'Logs passwords',
        link: null,
        cve: null,
        severity: 'critical',
        reportedAt: null,
        isConfirmed: false,
      }),
    )

    const found = await used.composer(['audit', '--format=plain'])
    await operate((ctx, { id: organization }) => withdrawAdvisory(ctx, { organization, advisoryId }))
    const withdrawn = await used.composer(['audit'])

    expect([found.code, withdrawn.code]).toEqual([1, 0])
    expect(found.output).toContain('Logs passwords')
  },
  TIMEOUT,
)

test(
  'CO-154 CO-011 with advisories that are a day old audit warns, and still tells what is known',
  async () => {
    await receive('<1.2')
    await operate(async (ctx) => {
      await ctx.transaction(async (tx) => {
        await tx.db
          .updateTable('advisory_feeds')
          .set({ fetched_at: ctx.now - DAY })
          .where('kind', '=', 'advisories')
          .execute()
        await tx.record({ type: 'advisories.refresh-requested', organization: null })
      })
    })
    const used = project()

    const updated = await used.composer(['update'])
    // For ten minutes this Composer would look at its copy of the root file and not repeat what it printed.
    used.clearCache()
    const audited = await used.composer(['audit'])

    expect(updated.output).toMatch(
      /Warning from http:\/\/127\.0\.0\.1:\d+\S*: This repository last received security advisories on/,
    )
    expect(audited.code).toBe(1)
    expect(audited.output).toMatch(
      /Warning from http:\/\/127\.0\.0\.1:\d+\S*: This repository last received security advisories on/,
    )
    expect(audited.output).toContain('CVE-2026-1234')
  },
  TIMEOUT,
)

test(
  'CO-011 Composer prints the messages for its version and no others',
  async () => {
    await receive(null)
    await operate(async (ctx, organization) => {
      await addMessage(ctx, { organization, kind: 'warning', message: 'We move on Monday.', versions: '>=2.2' })
      await addMessage(ctx, { organization, kind: 'info', message: 'Ask Anna.', versions: '*' })
      await addMessage(ctx, { organization, kind: 'warning', message: 'Composer 1 ends in May.', versions: '<2' })
    })

    const { output } = await project().succeed(['update'])

    expect(output).toMatch(/Warning from http:\/\/127\.0\.0\.1:\d+\S*: We move on Monday\./)
    expect(output).toMatch(/Info from http:\/\/127\.0\.0\.1:\d+\S*: Ask Anna\./)
    expect(output).not.toContain('Composer 1 ends in May.')
  },
  TIMEOUT,
)

test(
  'CO-155 a blocked version is not chosen, and cannot be installed from a lock file until it is let go',
  async () => {
    await receive(null)
    const used = project()
    await used.succeed(['update'])
    used.removeVendor()
    used.clearCache()
    const { uid } = await operate((ctx, organization) =>
      blockPackage(ctx, {
        organization,
        list: 'blocked',
        name: 'acme/http',
        versions: '1.1.0',
        reason: 'steals tokens',
        url: null,
      }),
    )

    const refused = await used.composer(['install'])
    const other = project()
    await other.succeed(['update'])
    await operate((ctx, organization) => unblockPackage(ctx, { organization, uid }))
    await used.succeed(['install'])

    expect(refused.code).not.toBe(0)
    expect(refused.output).toContain('410')
    expect(refused.output).toMatch(
      /Warning from \S+: acme\/http 1\.1\.0 is not handed out: the list "blocked" names it \(steals tokens\)/,
    )
    expect(other.installed()['acme/http']).toBe('1.0.0')
    expect(used.installed()['acme/http']).toBe(EXAMPLE_INSTALLED['acme/http'])
  },
  TIMEOUT,
)

test.each(['basic', 'bearer'])(
  'PR-121 require, update, install and audit work with %s authentication',
  async (kind) => {
    await receive('<1.2')
    const auth = kind === 'basic' ? basicAuth(registry, token) : { bearer: { [registry.origin]: token } }
    const used = createProject(registry, { auth })

    await used.succeed(['require', 'acme/core:^1.0'])
    await used.succeed(['update'])
    used.removeVendor()
    await used.succeed(['install'])
    const audited = await used.composer(['audit', '--format=json'])

    const { advisories } = JSON.parse(audited.stdout) as { advisories: Record<string, unknown[]> }
    expect(audited.code).toBe(1)
    expect(Object.keys(advisories)).toEqual(['acme/http'])
    expect(used.installed()).toEqual(
      Object.fromEntries(Object.entries(EXAMPLE_INSTALLED).filter(([name]) => name !== 'acme/tools')),
    )
  },
  TIMEOUT,
)
