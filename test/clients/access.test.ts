/** Who gets what: credentials in every form that Composer sends, tokens that end, limited tokens, organizations. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { basicAuth, createProject, type ComposerAuth, type ComposerProject, type ProjectSetup } from './kit/composer.ts'
import { createReleases } from './kit/packages.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string

beforeAll(async () => {
  registry = await startRegistry()
  for (const organization of ['acme', 'globex']) {
    await registry.cli('org', 'create', organization)
  }
  await registry.publish('acme', await createReleases('shared/library', { '1.0.0': {}, '1.1.0': {} }))
  await registry.publish('acme', await createReleases('acme/secret', { '1.0.0': {} }))
  await registry.publish('globex', await createReleases('shared/library', { '1.0.0': {}, '1.9.0': {} }))
  await registry.settle()
  token = await registry.token('acme')
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

const LIBRARY = { require: { 'shared/library': '^1.0' } }

function project(setup: ProjectSetup): ComposerProject {
  return createProject(registry, { ...LIBRARY, ...setup })
}

function sentCredentials(): Set<string> {
  return new Set(
    registry.proxy.exchanges.map(({ requestHeaders }) => requestHeaders.get('authorization')?.split(' ')[0] ?? 'none'),
  )
}

describe('Composer installs with', () => {
  const forms: [title: string, auth: () => ComposerAuth, scheme: string][] = [
    ['CO-050 CO-056 Basic: any user name, the token as password', () => basicAuth(registry, token, 'anybody'), 'Basic'],
    [
      'CO-051 Basic: the token as user name',
      () => ({ 'http-basic': { [registry.origin]: { username: token, password: '' } } }),
      'Basic',
    ],
    ['CO-052 Bearer', () => ({ bearer: { [registry.origin]: token } }), 'Bearer'],
  ]

  test.each(forms)('%s', async (_, auth, scheme) => {
    const used = project({ auth: auth() })

    await used.succeed(['update'])

    expect(used.installed()).toEqual({ 'shared/library': '1.1.0' })
    expect(sentCredentials()).toEqual(new Set([scheme]))
  })

  test('CO-050 credentials in auth.json', async () => {
    const used = project({})
    writeFileSync(join(used.directory, 'auth.json'), JSON.stringify(basicAuth(registry, token)))

    await used.succeed(['update'])

    expect(used.installed()).toEqual({ 'shared/library': '1.1.0' })
  })

  test('CO-055 credentials in the URL of the repository', async () => {
    const url = `http://token:${token}@${registry.origin}/acme`
    const used = project({ manifest: { repositories: [{ type: 'composer', url }, { 'packagist.org': false }] } })

    await used.succeed(['update'])

    expect(used.installed()).toEqual({ 'shared/library': '1.1.0' })
    expect(JSON.stringify(used.locked())).not.toContain(token)
  })

  test('the commands that "token create" prints', async () => {
    const issued = await registry.cli<{ commands: string[] }>('token', 'create', 'acme', '--name', 'printed')
    const used = project({ manifest: { repositories: { 'packagist.org': false }, config: {} } })

    for (const command of issued.commands) {
      const [program, ...line] = command.split(' ')
      expect(program).toBe('composer')
      await used.succeed(line)
    }
    await used.succeed(['update'])

    expect(used.installed()).toEqual({ 'shared/library': '1.1.0' })
  })
})

describe('Composer is refused', () => {
  async function refused(setup: ProjectSetup): Promise<string> {
    const run = await project(setup).composer(['update'])
    expect(run.code).not.toBe(0)
    expect(new Set(registry.proxy.exchanges.map(({ status }) => status))).toEqual(new Set([401]))
    return run.output
  }

  test('CO-018 CO-057 without a token: it says that one is needed and shows our advice', async () => {
    const output = await refused({})

    expect(output).toContain('Warning from 127.0.0.1')
    expect(output).toContain('This repository needs a token')
    expect(output).toContain('HTTP 401')
    expect(registry.proxy.exchanges[0]?.responseHeaders.get('content-type')).toBe('application/json')
    expect(registry.proxy.exchanges[0]?.responseHeaders.get('www-authenticate')).toStartWith('Basic ')
  })

  test('CO-057 CO-063 with a wrong token: the same advice, no HTML, and the token is not shown', async () => {
    const wrong = `${token.slice(0, -6)}aaaaaa`

    const output = await refused({ token: wrong })

    expect(output).toContain('This repository needs a token')
    expect(output).not.toContain('<html')
    expect(output).not.toContain(wrong)
  })

  test('CO-059 with an expired token', async () => {
    const soon = new Date(Date.now() + 2_000).toISOString().replace(/\.\d+Z$/, 'Z')
    const ending = await registry.token('acme', '--expires', soon, '--name', 'ending')
    await Bun.sleep(Date.parse(soon) - Date.now() + 50)

    expect(await refused({ token: ending })).toContain('This repository needs a token')
  })

  test('CO-018 in an organization that does not exist, without a token, exactly as in one that does', async () => {
    const output = await refused({ organization: 'nobody' })

    expect(output).toContain('This repository needs a token')
  })
})

test('CO-059 a revoked token: cached metadata still resolves, archives are refused at once', async () => {
  const revoked = await registry.token('acme', '--name', 'revoked')
  const used = project({ token: revoked })
  await used.succeed(['update'])
  await registry.cli('token', 'revoke', 'acme', 'revoked')
  registry.proxy.reset()

  const resolve = await used.composer(['update', '--no-install'])
  const metadata = registry.proxy.exchanges.map(({ status }) => status)
  registry.proxy.reset()
  const cold = await installAgain(used)

  expect(resolve.code).toBe(0)
  expect(resolve.output).toContain('loaded from the local cache and may be out of date')
  expect(new Set(metadata)).toEqual(new Set([401]))
  expect(cold.code).not.toBe(0)
  expect(used.installed()).toEqual({})
})

async function installAgain(used: ComposerProject) {
  used.removeVendor()
  used.clearCache()
  const run = await used.composer(['install', '--prefer-dist'])
  const dists = registry.proxy.exchanges.filter(({ path }) => path.includes('/dists/'))
  expect(new Set(dists.map(({ status }) => status))).toEqual(new Set([401]))
  return run
}

describe('a token limited to packages', () => {
  let limited: string

  beforeAll(async () => {
    limited = await registry.token('acme', '--packages', 'shared/*', '--name', 'limited')
  })

  test('CO-062 installs those', async () => {
    const used = project({ token: limited })

    await used.succeed(['update'])

    expect(used.installed()).toEqual({ 'shared/library': '1.1.0' })
  })

  test('CO-024 CO-006 does not find others, as if they did not exist', async () => {
    const used = project({ token: limited, require: { 'acme/secret': '^1.0' } })

    const run = await used.composer(['update'])

    expect(run.code).toBe(2)
    expect(run.output).toContain('requires acme/secret, it could not be found in any version')
    expect(JSON.stringify(registry.proxy.exchanges.map(({ responseHeaders }) => [...responseHeaders]))).not.toContain('secret')
  })

  test('CO-048 CO-024 does not see them through the cache that another token of the same machine filled', async () => {
    const used = project({ token, require: { 'acme/secret': '^1.0' } })
    await used.succeed(['update'])
    registry.proxy.reset()

    const run = await used.composer(['update'], { auth: basicAuth(registry, limited) })

    expect(run.code).toBe(2)
    expect(run.output).toContain('found acme/secret[1.0.0] in the lock file but not in remote repositories')
    expect(registry.proxy.exchanges[0]?.status).toBe(200)
  })

  test('CO-062 does not get their archives with a lock file of somebody else', async () => {
    const used = project({ token, require: { 'acme/secret': '^1.0' } })
    await used.succeed(['update', '--no-install'])

    const run = await used.composer(['install', '--prefer-dist'], { auth: basicAuth(registry, limited) })

    expect(run.code).not.toBe(0)
    expect(registry.proxy.exchanges.filter(({ path }) => path.includes('/dists/')).map(({ status }) => status)).toEqual([404])
    expect(used.installed()).toEqual({})
  })

  test('CO-132 CO-131 does not find them by search or list', async () => {
    const used = project({ token: limited })

    const search = await used.succeed(['search', 'secret'])
    const list = await used.succeed(['show', '-a'])

    expect(search.output).not.toContain('acme/secret')
    expect(list.output).not.toContain('acme/secret')
    expect(list.stdout).toContain('shared/library')
  })
})

describe('two organizations with a package of the same name', () => {
  test('each has its own versions and archives', async () => {
    const other = await registry.token('globex')
    const mine = project({ token })
    const theirs = project({ organization: 'globex', token: other })

    await Promise.all([mine.succeed(['update']), theirs.succeed(['update'])])

    expect(mine.installed()).toEqual({ 'shared/library': '1.1.0' })
    expect(theirs.installed()).toEqual({ 'shared/library': '1.9.0' })
    expect(mine.read('vendor/shared/library/CONTENT')).toBe('shared/library 1.1.0')
    expect(theirs.read('vendor/shared/library/CONTENT')).toBe('shared/library 1.9.0')
    expect(JSON.stringify(mine.locked())).not.toContain('/globex/')
  })

  test('the token of one does not open the other', async () => {
    const run = await project({ organization: 'globex', token }).composer(['update'])

    expect(run.code).not.toBe(0)
    expect(new Set(registry.proxy.exchanges.map(({ status }) => status))).toEqual(new Set([404]))
    expect(run.output).not.toContain('1.9.0')
  })
})

test('nothing of all this was a problem for the server', () => {
  expect(registry.problems).toEqual([])
})
