/**
 * The newest Composer keeps versions out by what the registry tells of advisories and filter lists, and clients of any age are told what is meant for
 * them and nothing else.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import {
  addAdvisory,
  blockPackage,
  importAdvisories,
  refreshFilters,
  unblockPackage,
  withdrawAdvisory,
} from '../../src/core/advisories/index.ts'
import { addMessage, changeRepositoryOptions, removeMessage } from '../../src/core/catalog/index.ts'
import type { Ctx } from '../../src/core/kernel/ctx.ts'
import { findOrganizationBySlug, type Organization } from '../../src/core/organizations/index.ts'
import { startUpstream, type Upstream } from '../kit/upstream-server.ts'
import { composerOf } from './composer-versions.ts'
import { createProject, type ComposerProject, type ComposerRun } from '../clients/kit/composer.ts'
import { createReleases } from '../clients/kit/packages.ts'
import { summarize } from '../clients/kit/recording-proxy.ts'
import { startRegistry, type Registry } from '../clients/kit/registry.ts'

setDefaultTimeout(30_000)

const DAY = 24 * 60 * 60 * 1000
const NEWEST = { env: composerOf('newest') }
const OLDEST = { env: composerOf('oldest') }
const ID = 'PKSA-bbbb-cccc-dddd'

let registry: Registry
let upstream: Upstream
let token: string
/** Text of a lock file that names the newest versions. */
let lock: string

beforeAll(async () => {
  upstream = await startUpstream({
    packages: { 'vendor/http': ['1.0.0', '1.2.0'], 'vendor/worm': ['1.0.0', '2.0.0'] },
    advisories: { 'vendor/http': [advisory('vendor/http', { affectedVersions: '>=1.1', advisoryId: 'PKSA-bbbb-bbbb-bbbb' })] },
    filters: { malware: { 'vendor/worm': '2.0.0' } },
  })
  registry = await startRegistry({
    env: { REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8' },
  })
  await registry.cli('org', 'create', 'acme')
  const repositories = [
    await createReleases('acme/app', { '1.0.0': { 'acme/lib': '^1.0' } }),
    await createReleases('acme/lib', { '1.0.0': {}, '1.1.0': {} }),
  ]
  for (const repository of repositories) await registry.publish('acme', repository)
  await registry.settle()
  token = await registry.token('acme')
  const project = newProject()
  await project.succeed(['update', '--no-install'], NEWEST)
  expect(project.locked().map(({ name, version }) => `${name} ${version}`)).toEqual(['acme/app 1.0.0', 'acme/lib 1.1.0'])
  lock = project.read('composer.lock') ?? ''
}, 60_000)
afterAll(async () => {
  await registry.end()
  await upstream.stop()
}, 20_000)
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

function advisory(packageName: string, more: { affectedVersions: string; advisoryId?: string }): Record<string, unknown> {
  return {
    advisoryId: ID,
    packageName,
    title: 'Requests can be smuggled',
    link: 'https://advisories.example.org/1',
    cve: 'CVE-2026-1234',
    reportedAt: '2026-02-01 10:00:00',
    composerRepository: null,
    severity: 'high',
    sources: [{ name: 'GitHub', remoteId: 'GHSA-0000-1111-2222' }],
    ...more,
  }
}

/** Makes the advisory about these versions of `acme/lib` all that the feed knows; null for none. */
function receive(affectedVersions: string | null): Promise<unknown> {
  const advisories = affectedVersions === null ? {} : { 'acme/lib': [advisory('acme/lib', { affectedVersions })] }
  return operate((ctx) => importAdvisories(ctx, { text: JSON.stringify({ advisories }), isComplete: true }))
}

/** Has version 1.1.0 of `acme/lib` on a list while something is done. */
async function whileListed(list: string, work: () => Promise<void>): Promise<void> {
  const entry = { list, name: 'acme/lib', versions: '1.1.0', reason: 'steals tokens', url: 'https://lists.example.org/1' }
  const { uid } = await operate((ctx, organization) => blockPackage(ctx, { organization, ...entry }))
  try {
    await work()
  } finally {
    await operate((ctx, organization) => unblockPackage(ctx, { organization, uid }))
  }
}

/** Whether the registry itself keeps malware back, or leaves that to clients. */
function setBlocksMalware(blocksMalware: boolean): Promise<unknown> {
  return operate((ctx, organization) => changeRepositoryOptions(ctx, { organization, options: { blocksMalware } }))
}

function newProject(
  require: Readonly<Record<string, string>> = { 'acme/app': '^1.0' },
  manifest: Readonly<Record<string, unknown>> = {},
): ComposerProject {
  return createProject(registry, { token, require, manifest })
}

/** A project whose lock file names `acme/lib` 1.1.0, as a fresh machine has it: nothing installed, nothing cached. */
function newLockedProject(policy: Readonly<Record<string, unknown>> = {}): ComposerProject {
  const project = newProject(undefined, { config: { 'secure-http': false, policy } })
  writeFileSync(project.path('composer.lock'), lock)
  return project
}

/** Composer wraps its lines to the width of a terminal. */
function textOf({ output }: ComposerRun): string {
  return output.replaceAll(/\s+/g, ' ')
}

function requested(method: string): string[] {
  return summarize(registry.proxy.exchanges).filter((line) => line.startsWith(`${method} `))
}

const ADVISORIES = 'POST /acme/api/security-advisories/ 200'
const FILTER_API = 'POST /acme/filter/api 200'

describe('advisories, for the newest client', () => {
  test('CO-154 update is refused because of an advisory of the feed, whose id it names, and --no-blocking lets it through', async () => {
    await receive('*')
    const project = newProject()

    const refused = await project.composer(['update'], NEWEST)
    expect(refused.code).toBe(2)
    expect(textOf(refused)).toMatch(new RegExp(`acme/lib.*not loaded.*security advisories.*${ID}`))
    expect(project.installed()).toEqual({})

    const forced = await project.succeed(['update', '--no-blocking'], NEWEST)
    expect(project.installed()).toEqual({ 'acme/app': '1.0.0', 'acme/lib': '1.1.0' })
    expect(textOf(forced)).toContain('Found 1 security vulnerability advisory affecting 1 package')
  })

  test('CO-154 update takes a version that is not affected, asking once before it chooses and once after it installed', async () => {
    await receive('>=1.1')
    const project = newProject()

    const run = await project.succeed(['update'], NEWEST)

    expect(project.installed()).toEqual({ 'acme/app': '1.0.0', 'acme/lib': '1.0.0' })
    expect(requested('POST')).toEqual([ADVISORIES, 'POST /acme/notify-batch 201', ADVISORIES])
    expect(textOf(run)).toContain('No security vulnerability advisories found')
    expect(run.output).not.toMatch(/Warning from|which were not requested/)
  })

  test('CO-154 update is refused because of an advisory of the organization itself until that is withdrawn', async () => {
    await receive(null)
    const { advisoryId } = await operate((ctx, { id: organization }) =>
      addAdvisory(ctx, {
        organization,
        packageName: 'acme/lib',
        affectedVersions: '^1.0',
        title: 'Logs passwords',
        link: 'https://advisories.example.org/2',
        cve: null,
        severity: 'critical',
        reportedAt: null,
        isConfirmed: true,
      }),
    )
    const project = newProject()

    const refused = await project.composer(['update'], NEWEST)
    await operate((ctx, { id: organization }) => withdrawAdvisory(ctx, { organization, advisoryId }))
    await project.succeed(['update'], NEWEST)

    expect(refused.code).toBe(2)
    expect(textOf(refused)).toContain(advisoryId)
    expect(project.installed()['acme/lib']).toBe('1.1.0')
  })

  test('CO-154 audit reports a finding in every format and ends with 1, and with 0 without one', async () => {
    const formats = {
      table: /CVE-2026-1234/,
      plain: /Package: acme\/lib[\s\S]*Severity: high[\s\S]*Advisory ID: PKSA-bbbb-cccc-dddd[\s\S]*Affected versions: <1\.2/,
      json: /"acme\/lib"[\s\S]*"advisoryId": "PKSA-bbbb-cccc-dddd"[\s\S]*"affectedVersions": "<1\.2"/,
      summary: /Found 1 security vulnerability advisory affecting 1 package/,
    }
    await receive(null)
    const project = newProject()
    await project.succeed(['update'], NEWEST)
    await project.succeed(['audit'], NEWEST)
    await receive('<1.2')

    registry.proxy.reset()
    const audits = await Promise.all(
      Object.keys(formats).map((format) => project.composer(['audit', `--format=${format}`], NEWEST)),
    )

    expect(audits.map(({ code }) => code)).toEqual([1, 1, 1, 1])
    Object.values(formats).forEach((expected, index) => expect(audits[index]?.output).toMatch(expected))
    expect(requested('POST')).toEqual([ADVISORIES, ADVISORIES, ADVISORIES, ADVISORIES])
  })
})

describe('filter lists, for the newest client', () => {
  test('CO-155 malware that the registry lets pass is refused by update and by install from a lock file', async () => {
    await receive(null)
    await setBlocksMalware(false)
    const locked = newLockedProject()
    await whileListed('malware', async () => {
      const install = await locked.composer(['install'], NEWEST)
      const asked = [requested('GET'), requested('POST')]
      const free = newProject()
      const [audit, exact] = await Promise.all([
        locked.composer(['audit', '--locked'], NEWEST),
        newProject({ 'acme/lib': '1.1.0' }).composer(['update'], NEWEST),
        free.succeed(['update'], NEWEST),
      ])

      expect(install.code).toBe(2)
      expect(textOf(install)).toMatch(/acme\/lib.*1\.1\.0.*malware.*steals tokens/)
      expect(asked).toEqual([['GET /acme/packages.json 200'], [FILTER_API]])
      expect(audit.code).toBe(1)
      expect(textOf(audit)).toMatch(/acme\/lib \| 1\.1\.0 \| malware .*steals tokens/)
      expect(exact.code).toBe(2)
      expect(textOf(exact)).toMatch(/acme\/lib.*not loaded.*malware.*steals tokens/)
      expect(free.installed()['acme/lib']).toBe('1.0.0')
    })
    await locked.succeed(['install'], NEWEST)
    expect(locked.installed()['acme/lib']).toBe('1.1.0')
  })

  test('CO-155 install from a lock file is refused by way of the summary, too, which is not sent twice', async () => {
    await receive(null)
    await setBlocksMalware(false)
    const project = newLockedProject()
    await whileListed('malware', async () => {
      registry.proxy.intercept(async (request, path) => (path === '/acme/packages.json' ? withoutFilterApi(request) : null))

      const first = await project.composer(['install'], NEWEST)
      const asked = requested('GET')
      const second = await project.composer(['install'], NEWEST)

      expect([first.code, second.code]).toEqual([2, 2])
      expect(textOf(first)).toMatch(/acme\/lib.*1\.1\.0.*malware.*steals tokens/)
      expect(asked).toEqual([
        'GET /acme/packages.json 200',
        'GET /acme/filter/summary.json 200',
        'GET /acme/p2/acme/lib.json 200',
      ])
      expect(requested('GET')).toContain('GET /acme/filter/summary.json 304')
    })
  })

  test('CO-155 malware that the registry keeps back is refused before its archive is asked for, and not chosen', async () => {
    await receive(null)
    await setBlocksMalware(true)
    const project = newLockedProject()
    await whileListed('malware', async () => {
      const install = await project.composer(['install'], NEWEST)
      const archives = requested('GET').filter((line) => line.includes('.zip'))
      const fresh = newProject()
      const [forced] = await Promise.all([
        project.composer(['install', '--no-blocking'], NEWEST),
        fresh.succeed(['update'], NEWEST),
      ])

      expect(install.code).toBe(2)
      expect(textOf(install)).toMatch(/acme\/lib.*malware.*steals tokens/)
      expect(archives).toEqual([])
      expect(forced.code).not.toBe(0)
      expect(forced.output).toContain('410')
      expect(fresh.installed()['acme/lib']).toBe('1.0.0')
    })
  })

  test('CO-155 what an organization blocks is refused by a client whose policy names the list, and by the registry in any case', async () => {
    await receive(null)
    const cautious = newLockedProject({ blocked: { 'block-scope': 'all' } })
    const plain = newLockedProject()
    await whileListed('blocked', async () => {
      const install = await cautious.composer(['install'], NEWEST)
      const archives = requested('GET').filter((line) => line.includes('.zip'))
      const [audit, other] = await Promise.all([
        cautious.composer(['audit', '--locked', '--format=plain'], NEWEST),
        plain.composer(['install'], NEWEST),
      ])

      expect(install.code).toBe(2)
      expect(textOf(install)).toMatch(/acme\/lib.*blocked.*steals tokens/)
      expect(archives).toEqual([])
      expect(audit.code).toBe(1)
      expect(textOf(audit)).toContain('steals tokens')
      expect(other.code).not.toBe(0)
      expect(other.output).toContain('acme/lib 1.1.0 is not handed out: the list "blocked" names it (steals tokens)')
    })
  })
})

/** The root file as the registry has it, but without the address of the API. */
async function withoutFilterApi(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  const authorization = request.headers.get('authorization')
  const response = await fetch(`http://127.0.0.1:${registry.port}${pathname}`, {
    headers: authorization === null ? {} : { authorization },
    keepalive: false,
  })
  if (response.status !== 200) {
    return response
  }
  const { filter, ...root } = (await response.json()) as { filter: Record<string, unknown> }
  return Response.json({ ...root, filter: { ...filter, 'api-url': undefined } })
}

describe('messages', () => {
  test('CO-011 CO-012 each client prints those for its version, as a warning or an information, and no others', async () => {
    await receive(null)
    const uids = await operate(async (ctx, organization) => {
      const added = [
        await addMessage(ctx, { organization, kind: 'warning', message: 'We move on Monday.', versions: '>=2.9' }),
        await addMessage(ctx, { organization, kind: 'info', message: 'Ask Anna.', versions: '*' }),
        await addMessage(ctx, { organization, kind: 'warning', message: 'Please update Composer.', versions: '>=2.2,<2.9' }),
        await addMessage(ctx, { organization, kind: 'warning', message: 'Composer 1 ends in May.', versions: '<2' }),
      ]
      return added.map(({ uid }) => uid)
    })

    const [newest, oldest] = await Promise.all([
      newProject().succeed(['update', '--no-install'], NEWEST),
      newProject().succeed(['update', '--no-install'], OLDEST),
    ])
    await operate(async (ctx, organization) => {
      for (const uid of uids) await removeMessage(ctx, { organization, uid })
    })

    expect(linesFrom(newest)).toEqual(['Info: Ask Anna.', 'Warning: We move on Monday.'])
    expect(linesFrom(oldest)).toEqual([])
  })

  test('CO-011 CO-154 with advisories that are a day old the newest client is warned, blocks what is known, and nothing else', async () => {
    await receive('>=1.1')
    await operate(async (ctx) => {
      await ctx.transaction(async (tx) => {
        const old = { fetched_at: ctx.now - DAY }
        await tx.db.updateTable('advisory_feeds').set(old).where('kind', '=', 'advisories').execute()
        await tx.record({ type: 'advisories.refresh-requested', organization: null })
      })
    })
    const project = newProject()

    const run = await project.succeed(['update'], NEWEST)

    expect(linesFrom(run)[0]).toMatch(
      /^Warning: This repository last received security advisories on \d{4}-\d\d-\d\d \d\d:\d\d UTC;/,
    )
    expect(project.installed()['acme/lib']).toBe('1.0.0')
  })
})

test('CO-154 CO-155 of a mirrored package the client is told what its upstream tells', async () => {
  await receive(null)
  await setBlocksMalware(false)
  const project = newProject({ 'vendor/http': '*', 'vendor/worm': '*' })
  await registry.cli('mirror', 'add', 'acme', upstream.url)
  await project.succeed(['update', '--no-install', '--no-blocking'], NEWEST)
  await registry.cli('advisory', 'refresh')
  await operate((ctx) => refreshFilters(ctx))
  project.clearCache()

  const [install, audit] = await Promise.all([
    project.composer(['install'], NEWEST),
    project.composer(['audit', '--locked', '--format=plain'], NEWEST),
  ])
  await project.succeed(['update'], NEWEST)

  expect(install.code).toBe(2)
  expect(textOf(install)).toMatch(/vendor\/worm.*2\.0\.0.*malware/)
  expect(audit.code).toBe(1)
  expect(textOf(audit)).toMatch(/vendor\/http.*PKSA-bbbb-bbbb-bbbb/)
  expect(project.installed()).toEqual({ 'vendor/http': '1.0.0', 'vendor/worm': '1.0.0' })
})

/** The messages of the registry that a client printed, sorted, each once. */
function linesFrom({ output }: ComposerRun): string[] {
  const lines = [...output.matchAll(/^.*?(Warning|Info) from http:\/\/127\.0\.0\.1:\d+\S*: (.*?)\s*$/gm)]
  return [...new Set(lines.map(([, kind, text]) => `${kind}: ${text}`))].toSorted()
}
