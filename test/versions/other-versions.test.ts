/** The oldest and the newest client at hand do the everyday things like the one in between, on which all other tests run. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { bumpPackage, findPackage } from '../../src/core/packages/index.ts'
import { findOrganizationBySlug } from '../../src/core/organizations/index.ts'
import { toSeconds } from '../../src/core/kernel/values.ts'
import { temporaryUpstream } from '../kit/upstream-server.ts'
import { composerOf, type ComposerAge } from './composer-versions.ts'
import { createProject, type ComposerProject } from '../clients/kit/composer.ts'
import { EXAMPLE_INSTALLED, EXAMPLE_ROOT, publishExample } from '../clients/kit/example.ts'
import { createReleases } from '../clients/kit/packages.ts'
import { startRegistry, type Registry } from '../clients/kit/registry.ts'

const CLIENTS: readonly (readonly [ComposerAge, RegExp])[] = [
  ['oldest', /Composer (version )?2\.0\./],
  ['newest', /Composer version 2\.(8|9|\d\d)\./],
]

/** Development versions are left to a test of their own, because the oldest client cannot download them. */
const { 'acme/tools': TOOLS, ...RELEASES } = EXAMPLE_INSTALLED

const MONTH = 30 * 24 * 60 * 60 * 1000

let registry: Registry
let token: string

beforeAll(async () => {
  registry = await startRegistry({
    env: { REPERTOIRE_ALLOW_HTTP_SOURCES: 'true', REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8' },
  })
  token = await publishExample(registry)
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

describe.each(CLIENTS)('the %s client', (age, version) => {
  let project: ComposerProject
  let env: { PATH: string }

  beforeAll(() => {
    env = composerOf(age)
    project = createProject(registry, { token, require: EXAMPLE_ROOT.require })
  })

  test('CO-158 is the version that it is thought to be', async () => {
    const run = await project.succeed(['--version'], { env })

    expect(run.stdout).toMatch(version)
  })

  test('CO-158 resolves, downloads and locks what the others do', async () => {
    const run = await project.succeed(['update'], { env })

    expect(project.installed()).toEqual(RELEASES)
    expect(run.output).not.toContain(`Warning from ${registry.url}`)
    expect(registry.proxy.exchanges.filter(({ status }) => status >= 400)).toEqual([])
  })

  test('CO-158 asks conditionally when it knows the metadata already', async () => {
    await project.succeed(['update'], { env })

    const metadata = registry.proxy.exchanges.filter(({ path }) => path.includes('/p2/'))
    expect(metadata.length).toBeGreaterThan(0)
    expect(new Set(metadata.map(({ status }) => status))).toEqual(new Set([304]))
  })

  test('CO-158 installs from the lock file with empty caches and verifies the archives', async () => {
    project.removeVendor()
    project.clearCache()

    await project.succeed(['install'], { env })

    expect(project.installed()).toEqual(RELEASES)
    expect(project.locked().every(({ dist }) => dist !== undefined)).toBe(true)
  })

  test('CO-158 finds packages, shows one, and says what is out of date', async () => {
    const found = await project.succeed(['search', 'acme'], { env })
    const shown = await project.succeed(['show', '--all', 'acme/contracts'], { env })
    const outdated = await project.succeed(['outdated', '--format=json'], { env })

    expect(found.stdout).toContain('acme/http')
    expect(shown.stdout).toContain('1.0.1')
    expect(outdated.stdout).toContain('acme/contracts')
  })

  test('CO-158 says what a wrong token means and does not crash on it', async () => {
    const stranger = createProject(registry, { token: 'rep_wrong', ...EXAMPLE_ROOT })

    const run = await stranger.composer(['update'], { env })

    expect(run.code).not.toBe(0)
    expect(run.output).toContain(registry.origin)
    expect(run.output).not.toMatch(/exception trace|TypeError|Undefined/i)
  })
})

test('CO-158 the newest client installs a development version from its archive', async () => {
  const project = createProject(registry, { token, require: { 'acme/tools': 'dev-main' } })

  await project.succeed(['update'], { env: composerOf('newest') })

  expect(project.installed()).toEqual({ 'acme/tools': TOOLS })
})

test('CO-158 the oldest client, which does not fill in the commit of a development archive, clones what it may clone and is told else', async () => {
  const cloning = createProject(registry, { token, require: { 'acme/tools': 'dev-main' }, canClone: true })
  const other = createProject(registry, { token, require: { 'acme/tools': 'dev-main' } })

  await cloning.succeed(['update'], { env: composerOf('oldest') })
  const run = await other.composer(['update'], { env: composerOf('oldest') })

  expect(cloning.installed()).toEqual({ 'acme/tools': TOOLS })
  expect(run.output).toContain('use Composer 2.1 or newer')
})

/** Makes a release one that was published a month ago. */
async function age(organization: string, name: string, version: string): Promise<void> {
  await registry.inside(async (app) => {
    const ctx = app.ctx({ kind: 'operator' }, { surface: 'test', address: null, agent: null, requestId: null })
    const found = await findOrganizationBySlug(ctx.db, organization)
    const target = found === null ? null : await findPackage(ctx.db, found.id, name)
    if (found === null || target === null) {
      throw new Error(`There is no ${name}.`)
    }
    await ctx.transaction(async (tx) => {
      const published = tx.db.updateTable('versions').set({ published_at: tx.now - MONTH })
      await published.where('package_id', '=', target.id).where('version', '=', version).execute()
      await bumpPackage(tx.db, target.id, toSeconds(tx.now))
      await tx.record({ type: 'advisories.refresh-requested', organization: null })
    })
  })
}

test('CO-158 with a cooldown the newest client takes what was published long enough ago, here or by the upstream', async () => {
  const env = composerOf('newest')
  const publishedAt = (ago: number) => ({ 'published-time': new Date(Date.now() - ago).toISOString() })
  const upstream = await temporaryUpstream({
    packages: {
      'vendor/cool': [
        { version: '1.0.0', manifest: publishedAt(MONTH) },
        { version: '1.1.0', manifest: publishedAt(0) },
      ],
    },
  })
  await registry.cli('org', 'create', 'beta')
  await registry.cli('mirror', 'add', 'beta', upstream.url)
  await registry.publish('beta', await createReleases('beta/lib', { '1.0.0': {}, '1.1.0': {} }))
  await registry.settle()
  await age('beta', 'beta/lib', '1.0.0')
  const beta = { organization: 'beta', token: await registry.token('beta') }
  const cautious = { config: { 'secure-http': false, policy: { cooldown: { period: '7 days' } } } }
  const require = { 'beta/lib': '^1.0', 'vendor/cool': '^1.0' }
  const [hasty, patient, unlucky] = [
    createProject(registry, { ...beta, require }),
    createProject(registry, { ...beta, require, manifest: cautious }),
    createProject(registry, { ...beta, require: { 'beta/lib': '^1.1' }, manifest: cautious }),
  ]

  await hasty.succeed(['update'], { env })
  await patient.succeed(['update'], { env })
  const refused = await unlucky.composer(['update'], { env })

  expect(hasty.installed()).toEqual({ 'beta/lib': '1.1.0', 'vendor/cool': '1.1.0' })
  expect(patient.installed()).toEqual({ 'beta/lib': '1.0.0', 'vendor/cool': '1.0.0' })
  expect(refused.code).toBe(2)
  expect(refused.output).toMatch(/cooldown/)
  expect(refused.output).not.toMatch(/published-time/)
})
