/** GitLab's API with a real Composer and curl, configured word for word as GitLab documents it (contract gitlab.md §6). */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { createProject, type ComposerAuth } from './kit/composer.ts'
import { EXAMPLE_INSTALLED, EXAMPLE_ROOT, publishExample } from './kit/example.ts'
import { createReleases, packageCommit, type PackageRepository } from './kit/packages.ts'
import { summarize, type Interception } from './kit/recording-proxy.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

interface SourceDocument {
  uid: string
  id: number
  path: string
}

let registry: Registry
let group: number
let moving: PackageRepository
let project: SourceDocument
let deploy: string
let personal: string
let job: string

beforeAll(async () => {
  registry = await startRegistry()
  deploy = await publishExample(registry)
  moving = await createReleases('acme/moving', { '1.0.0': {} })
  await registry.publish('acme', moving)
  await registry.settle()
  group = (await registry.cli<{ id: number }>('org', 'show', 'acme')).id
  project = await registry.cli<SourceDocument>('source', 'show', 'acme', moving.url)
  await registry.cli('user', 'create', 'ada@example.com', '--name', 'Ada')
  await registry.cli('member', 'add', 'acme', 'ada@example.com', '--role', 'admin')
  personal = await registry.token('ada@example.com', '--access', 'all')
  const issued = await registry.cli<{ token: string }>('token', 'create-job', 'ada@example.com', 'acme', '--source', moving.url)
  job = issued.token
}, 90_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

const composerUrl = () => `${registry.url}/api/v4/group/${group}/-/packages/composer`

function setUp(auth: ComposerAuth | null, { url = `${composerUrl()}/packages.json`, domains = true } = {}) {
  const repositories = [{ type: 'composer', url }, { 'packagist.org': false }]
  const config = { 'secure-http': false, ...(domains ? { 'gitlab-domains': [registry.origin] } : {}) }
  const manifest = { ...EXAMPLE_ROOT.manifest, repositories, config }
  return createProject(registry, { token: null, ...(auth === null ? {} : { auth }), require: EXAMPLE_ROOT.require, manifest })
}

const forms: [name: string, auth: () => ComposerAuth, domains: boolean][] = [
  ['GL-170 gitlab-token as a text', () => ({ 'gitlab-token': { [registry.origin]: personal } }), true],
  ['GL-171 gitlab-token as a text without gitlab-domains', () => ({ 'gitlab-token': { [registry.origin]: personal } }), false],
  [
    'GL-172 gitlab-token of a deploy token',
    () => ({ 'gitlab-token': { [registry.origin]: { username: 'd', token: deploy } } }),
    true,
  ],
  [
    'GL-173 gitlab-token of a job',
    () => ({ 'gitlab-token': { [registry.origin]: { username: 'gitlab-ci-token', token: job } } }),
    true,
  ],
  ['GL-174 gitlab-oauth', () => ({ 'gitlab-oauth': { [registry.origin]: personal } }), true],
  ['GL-174 http-basic', () => ({ 'http-basic': { [registry.origin]: { username: 'ada', password: personal } } }), false],
  [
    'GL-174 http-basic of a job',
    () => ({ 'http-basic': { [registry.origin]: { username: 'gitlab-ci-token', password: job } } }),
    false,
  ],
  ['GL-174 bearer', () => ({ bearer: { [registry.origin]: personal } }), false],
]

test.each(forms)('%s: Composer updates and installs', async (_, auth, domains) => {
  // The jobs of one source install the packages of others as their person, but download only where they are allowed.
  if (JSON.stringify(auth()).includes('gitlab-ci-token')) {
    for (const source of await registry.cli<{ uid: string }[]>('source', 'list', 'acme')) {
      await registry.cli('source', 'allow-jobs', 'acme', source.uid, '--of', moving.url)
    }
  }
  const used = setUp(auth(), { domains })

  await used.succeed(['update'])

  expect(used.installed()).toEqual(EXAMPLE_INSTALLED)
  expect(summarize(registry.proxy.exchanges)[0]).toBe(`GET /api/v4/group/${group}/-/packages/composer/packages.json 200`)
  expect(registry.proxy.exchanges.some(({ path }) => path.includes('/p2/'))).toBe(true)
})

test.each(['', '/', '/packages.json'])(
  'GL-175 GL-178 GL-179 a repository URL that ends in composer%s; a lock file asks for archives alone',
  async (end) => {
    const used = setUp({ 'gitlab-token': { [registry.origin]: personal } }, { url: `${composerUrl()}${end}` })
    await used.succeed(['update'])
    registry.proxy.reset()
    used.removeVendor()
    used.clearCache()

    await used.succeed(['install'])

    expect(used.installed()).toEqual(EXAMPLE_INSTALLED)
    expect(registry.proxy.exchanges.every(({ path }) => path.includes('/packages/composer/archives/'))).toBe(true)
  },
)

test('GL-176 GL-177 a wrong token, and none', async () => {
  const wrong = await setUp({ 'gitlab-token': { [registry.origin]: 'wrong' } }).composer(['update'])
  const none = await setUp(null, { domains: false }).composer(['update'])

  expect(wrong.code).not.toBe(0)
  expect(wrong.output).toContain('Invalid credentials')
  expect(none.code).not.toBe(0)
  expect(none.output).toMatch(/401|authentication/)
})

/** The root document as Composer 1 gets it, without what Composer 2 would read first. */
function asComposer1(more: Interception = async () => null): Interception {
  return async (request, path) => {
    if (!path.endsWith('/-/packages/composer/packages.json')) {
      return more(request, path)
    }
    const response = await fetch(`http://127.0.0.1:${registry.port}${path}`, {
      headers: { 'Private-Token': personal, 'User-Agent': 'Composer/1.10.27 (Linux; 6.1.0; PHP 7.4.33)' },
    })
    const { 'metadata-url': _, ...root } = (await response.json()) as Record<string, unknown>
    return Response.json(root)
  }
}

test('GL-181 the first version of the protocol, with checksums', async () => {
  const used = setUp({ 'gitlab-token': { [registry.origin]: personal } })
  registry.proxy.intercept(asComposer1())

  await used.succeed(['update'])

  expect(used.installed()).toEqual(EXAMPLE_INSTALLED)
  const asked = summarize(registry.proxy.exchanges)
  expect(asked[1]).toMatch(/\/-\/packages\/composer\/p\/[0-9a-f]{64}\.json 200$/)
  expect(asked.filter((line) => /%24[0-9a-f]{64}\.json 200$/.test(line)).length).toBeGreaterThanOrEqual(5)
})

test('GL-181 a file that was tampered with is refused by Composer', async () => {
  registry.proxy.intercept(
    asComposer1(async (_, path) => (path.includes('acme/core%24') ? new Response('{"packages":{"acme/core":{}}}') : null)),
  )

  const refused = await setUp({ 'gitlab-token': { [registry.origin]: personal } }).composer(['update'])

  expect(refused.code).not.toBe(0)
  expect(refused.output).toMatch(/did not match its signature|man-in-the-middle/)
})

async function curl(...line: string[]): Promise<string> {
  const child = Bun.spawn(['curl', '--silent', '--write-out', ' %{http_code}', ...line], { stdout: 'pipe', stderr: 'inherit' })
  return child.stdout.text()
}

test('GL-180 GL-128 GL-182 a tag is pushed and published at once by every documented form of curl; old commits stay', async () => {
  const api = `${registry.url}/api/v4/projects/${project.id}/packages/composer`
  const withUser = api.replace('http://', `http://__token__:${personal}@`)
  const forms: [tag: string, line: string[]][] = [
    ['1.1.0', ['--data', 'tag=1.1.0', withUser]],
    [
      '1.2.0',
      [
        '--data',
        'tag=1.2.0',
        '--header',
        `Deploy-Token: ${await registry.token('acme', '--access', 'update', '--source', moving.url)}`,
        api,
      ],
    ],
    ['1.3.0', ['--header', `Job-Token: ${job}`, '--data', 'tag=1.3.0', api]],
    ['1.4.0', ['--request', 'POST', '--user', `ada:${personal}`, '--data', 'tag=1.4.0', api]],
  ]
  const manifest = {
    repositories: [{ type: 'composer', url: `${composerUrl()}/packages.json` }, { 'packagist.org': false }],
    config: { 'secure-http': false, 'gitlab-domains': [registry.origin] },
    'minimum-stability': 'dev',
  }
  const auth = { 'gitlab-token': { [registry.origin]: personal } }
  const locked = createProject(registry, { token: null, auth, require: { 'acme/moving': 'dev-main' }, manifest })
  await locked.succeed(['update'])

  for (const [tag, line] of forms) {
    const [commit = ''] = await moving.commit(packageCommit('acme/moving', `acme/moving ${tag}`))
    await moving.setRefs({ [`refs/tags/${tag}`]: commit, 'refs/heads/main': commit })
    expect([tag, await curl(...line)]).toEqual([tag, '{"message":"201 Created"} 201'])
  }

  const fresh = createProject(registry, { token: null, auth, require: { 'acme/moving': '1.4.0' }, manifest })
  await fresh.succeed(['update'])
  expect(fresh.installed()).toEqual({ 'acme/moving': '1.4.0' })
  locked.removeVendor()
  locked.clearCache()
  await locked.succeed(['install'])
})
