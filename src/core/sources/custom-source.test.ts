import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { buildZip, packageArchive, zipWith } from '../../../test/kit/archives.ts'
import { temporaryHost, type HttpHost } from '../../../test/kit/http-source.ts'
import { digest } from '../../../test/kit/uploads.ts'
import { createEgress } from '../../platform/http/egress.ts'
import { createHttp } from '../../platform/http/create-http.ts'
import { describePackage, getAudience, obtainDist, UnknownReferences } from '../catalog/index.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { addCustomSource, type DefinedSource } from './add-custom-source.ts'
import { addSource } from './add-source.ts'
import type { CredentialInput } from './credentials.ts'
import { scrubBlobs } from './maintain-blobs.ts'
import { getSource, removeSource, requestSync } from './manage-sources.ts'
import { getCustomDefinition, updateCustomSource } from './update-custom-source.ts'
import { memoryReport } from '../../../test/kit/git-source.ts'

interface Custom {
  app: TestApp
  organization: OrganizationId
  host: HttpHost
  add(definition: unknown, credential?: CredentialInput): Promise<DefinedSource>
  metadata(name?: string): Promise<Record<string, unknown>[]>
  download(reference: string, name?: string): Promise<Buffer>
}

async function createCustom(): Promise<Custom> {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  const audience = () => getAudience(app.ctx(SYSTEM), 'acme')
  return {
    app,
    organization,
    host: temporaryHost(),
    add: (definition, credential) =>
      addCustomSource(app.ctx(), { organization, definition: JSON.stringify(definition), credential: credential ?? null }),
    metadata: async (name = 'acme/http') =>
      (await describePackage(app.ctx(), await audience(), { name, repositoryUrl: 'https://r/acme' })).versions,
    async download(reference, name = 'acme/http') {
      const { location } = await obtainDist(app.ctx(), await audience(), { name, reference, unknown: new UnknownReferences() })
      return Buffer.from(location.kind === 'bytes' ? location.bytes : [])
    },
  }
}

const ZIP = packageArchive({ version: '1.0.0' })

function http(url: string, rest: Record<string, unknown> = {}, dist: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'acme/http', version: '1.0.0', dist: { type: 'zip', url, ...dist }, ...rest }
}

async function stateOf({ app, organization }: Custom, { source }: DefinedSource) {
  const { state, problemCode, problem } = await getSource(app.ctx(), { organization, uid: source.uid })
  return { state, problemCode, problem }
}

describe('a custom source', () => {
  test('publishes several versions of several packages at once and fetches their archives afterwards', async () => {
    const custom = await createCustom()
    const { host } = custom
    host.serve('/a.zip', ZIP)
    host.serve('/b.tgz', packageArchive({}, { format: 'tar.gz' }))
    const defined = await custom.add([
      http(`${host.url}/a.zip`, { require: { php: '>=8.1' }, time: '2026-01-02 03:04:05' }, { reference: 'build-7' }),
      http(`${host.url}/b.tgz`, { version: '2.0.0-beta1' }, { type: 'tar' }),
      { name: 'acme/all', version: '1.0.0', type: 'metapackage', require: { 'acme/http': '^1.0' } },
    ])

    expect(defined.source).toMatchObject({ kind: 'custom', url: 'custom://acme/http', state: 'new' })
    expect(defined.publication).toMatchObject({ published: 3, taken: [] })
    const before = await custom.metadata()
    expect(before[1]).toMatchObject({
      version: '1.0.0',
      require: { php: '>=8.1' },
      time: '2026-01-02T03:04:05+00:00',
      dist: { type: 'zip', url: 'https://r/acme/dists/acme/http/1.0.0/build-7.zip', reference: 'build-7' },
    })
    expect(before[1]).not.toHaveProperty('source')
    await custom.app.runJobs()

    const [beta, release] = await custom.metadata()
    expect(release).toMatchObject({ dist: { shasum: digest('sha1', ZIP) } })
    expect(beta).toMatchObject({ dist: { type: 'tar', url: expect.stringMatching(/\/[0-9a-f]{40}\.tar\.gz$/) } })
    expect(await custom.download('build-7')).toEqual(Buffer.from(ZIP))
    expect(await custom.metadata('acme/all')).toEqual([
      expect.not.objectContaining({ dist: expect.anything(), source: expect.anything() }),
    ])
    expect(JSON.stringify([before, await custom.metadata()])).not.toContain(host.url)
    expect(await stateOf(custom, defined)).toEqual({ state: 'ready', problemCode: null, problem: null })
  })

  test('takes an archive without composer.json, which is why it is defined by hand', async () => {
    const custom = await createCustom()
    const bytes = buildZip([
      { name: 'wordpress/index.php', data: '<?php' },
      { name: 'readme.txt', data: 'x' },
    ])
    custom.host.serve('/wp.zip', bytes)
    await custom.add({ package: http(`${custom.host.url}/wp.zip`, {}, { reference: 'wp' }) })
    await custom.app.runJobs()

    expect(await custom.download('wp')).toEqual(Buffer.from(bytes))
  })

  test('gives clients the source that it names, with or without an archive', async () => {
    const custom = await createCustom()
    const source = { type: 'git', url: 'https://git.example.org/acme/http.git', reference: 'a'.repeat(40) }
    await custom.add({ name: 'acme/http', version: '1.0.0', source })
    await custom.app.runJobs()

    const [version] = await custom.metadata()
    expect(version).toMatchObject({ source })
    expect(version).not.toHaveProperty('dist')
    await expect(custom.download(source.reference)).rejects.toMatchObject({ code: 'dist_not_found' })
  })

  test('fetches an archive on demand when somebody asks before the job', async () => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', ZIP)
    await custom.add(http(`${custom.host.url}/a.zip`, {}, { reference: 'r1' }))
    const running = custom.download('r1')
    await custom.app.runJobs()

    expect(await running).toEqual(Buffer.from(ZIP))
    await expect(custom.download('never-defined')).rejects.toMatchObject({ code: 'dist_not_found' })
  })

  test('presents its credential to the host of the archives and to no other', async () => {
    const custom = await createCustom()
    const elsewhere = temporaryHost('127.0.0.2')
    custom.host.serve('/a.zip', () => Response.redirect(`${elsewhere.url}/cdn.zip`))
    elsewhere.serve('/cdn.zip', ZIP)
    const defined = await custom.add(http(`${custom.host.url}/a.zip`), { kind: 'basic', username: 'u', password: 'secret-word' })
    await custom.app.runJobs()

    expect(custom.host.seen).toEqual([{ path: '/a.zip', authorization: `Basic ${btoa('u:secret-word')}` }])
    expect(elsewhere.seen).toEqual([{ path: '/cdn.zip', authorization: null }])
    await updateCustomSource(custom.app.ctx(), defined.source, JSON.stringify(http(`${elsewhere.url}/cdn.zip`)))
    await custom.app.runJobs()
    expect(elsewhere.seen.map(({ authorization }) => authorization)).toEqual([null, null])
  })

  test('refuses a credential for archives on several hosts', async () => {
    const custom = await createCustom()
    const definition = [http('https://one.example/a.zip'), http('https://two.example/b.zip', { version: '2.0.0' })]

    await expect(custom.add(definition, { kind: 'bearer', token: 't' })).rejects.toMatchObject({ code: 'invalid_input' })
  })

  test('refuses a name of another source, and writes nothing', async () => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', ZIP)
    await custom.add(http(`${custom.host.url}/a.zip`))

    await expect(
      custom.add([http('https://x.example/o.zip', { name: 'acme/other' }), http('https://x.example/a.zip')]),
    ).rejects.toMatchObject({ code: 'package_taken', details: { name: 'acme/http' } })
    await expect(custom.metadata('acme/other')).rejects.toMatchObject({ code: 'package_not_found' })
    await expect(custom.add(http('https://x.example/a.zip'))).rejects.toMatchObject({ code: 'source_exists' })
    await custom.app.runJobs()
  })

  test('of two that are added at once with one name exactly one wins', async () => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', ZIP)
    const shared = http(`${custom.host.url}/a.zip`)
    const outcomes = await Promise.allSettled(
      ['acme/one', 'acme/two', 'acme/three'].map((name) => custom.add([http(`${custom.host.url}/a.zip`, { name }), shared])),
    )
    await custom.app.runJobs()

    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refused).toMatchObject([{ code: 'package_taken' }, { code: 'package_taken' }])
    expect((await custom.metadata()).map(({ version }) => version)).toEqual(['1.0.0'])
  })

  test('tells every problem with its path', async () => {
    const custom = await createCustom()
    const refused = custom.add([{ name: 'acme/http', version: 'nonsense', dist: { type: 'rar', url: 'ftp://x/y' } }, 7])

    await expect(refused).rejects.toMatchObject({ code: 'definition_refused' })
    const problems = await refused.catch((error: { details: { problems: string } }) => error.details.problems.split('\n'))
    expect(problems).toContain('packages[0].dist.type: only zip and tar can be served')
    expect(problems).toContain('packages[0].dist.url: only http and https can be fetched')
    expect(problems).toContain('packages[1]: it must be an object')
  })

  test('may be read, replaced and removed only by those who may configure sources', async () => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', ZIP)
    const { source } = await custom.add(http(`${custom.host.url}/a.zip`))
    await custom.app.runJobs()
    const { actor } = await custom.app.token(custom.organization, 'read')

    const definition = JSON.stringify(http(`${custom.host.url}/b.zip`))
    await expect(updateCustomSource(custom.app.ctx(actor), source, definition)).rejects.toMatchObject({ kind: 'forbidden' })
    await expect(getCustomDefinition(custom.app.ctx(actor), source)).rejects.toMatchObject({ kind: 'forbidden' })
    await expect(
      addCustomSource(custom.app.ctx(actor), { organization: custom.organization, definition, credential: null }),
    ).rejects.toMatchObject({ kind: 'forbidden' })
    expect(JSON.parse(await getCustomDefinition(custom.app.ctx(), source))).toEqual(http(`${custom.host.url}/a.zip`))
    const { source: git } = await addSource(custom.app.ctx(), {
      organization: custom.organization,
      url: 'https://git.example.org/x.git',
      credential: null,
    })
    await expect(updateCustomSource(custom.app.ctx(), git, definition)).rejects.toMatchObject({ code: 'invalid_input' })
    custom.app.leaveJobs()
    await removeSource(custom.app.ctx(), source)
    await expect(custom.metadata()).rejects.toMatchObject({ code: 'package_not_found' })
  })
})

describe('a changed definition', () => {
  test('replaces the whole: versions that vanish are hidden and stay for lock files', async () => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', ZIP)
    const first = http(`${custom.host.url}/a.zip`, {}, { reference: 'one' })
    const { source } = await custom.add([first, http(`${custom.host.url}/a.zip`, { name: 'acme/other' })])
    await custom.app.runJobs()
    const next = http(`${custom.host.url}/a.zip`, { version: '1.1.0' }, { reference: 'two' })
    const { publication } = await updateCustomSource(custom.app.ctx(), source, JSON.stringify(next))
    await custom.app.runJobs()

    expect(publication).toMatchObject({ published: 1, removed: 2 })
    expect((await custom.metadata()).map(({ version }) => version)).toEqual(['1.1.0'])
    expect(await custom.download('one')).toEqual(Buffer.from(ZIP))
    expect(custom.app.events).toContainEqual(expect.objectContaining({ type: 'source.redefined', versions: 1 }))
  })

  test('corrects the place of an archive that never arrived', async () => {
    const custom = await createCustom()
    const defined = await custom.add(http(`${custom.host.url}/wrong.zip`, {}, { reference: 'one' }))
    await custom.app.runJobs()
    expect(await stateOf(custom, defined)).toMatchObject({ state: 'failing', problemCode: 'source_unreachable' })
    expect((await stateOf(custom, defined)).problem).toContain('answered 404')
    custom.host.serve('/a.zip', ZIP)
    const corrected = JSON.stringify(http(`${custom.host.url}/a.zip`, {}, { reference: 'one' }))
    await updateCustomSource(custom.app.ctx(), defined.source, corrected)
    custom.app.clock.advance('1 hour')
    await custom.app.runJobs()

    expect(await custom.download('one')).toEqual(Buffer.from(ZIP))
    expect(await stateOf(custom, defined)).toMatchObject({ state: 'ready' })
  })

  test('abuse 27: first bytes stay pinned when the host serves others later', async () => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', ZIP)
    const definition = http(`${custom.host.url}/a.zip`, {}, { reference: 'one' })
    const { source } = await custom.add(definition)
    await custom.app.runJobs()
    custom.host.serve('/a.zip', packageArchive({ version: '1.0.0' }, { content: 'other' }))
    await updateCustomSource(custom.app.ctx(), source, JSON.stringify(definition))
    await requestSync(custom.app.ctx(), source)
    await custom.app.runJobs()

    expect(await custom.download('one')).toEqual(Buffer.from(ZIP))
    expect(custom.host.seen).toHaveLength(1)
  })

  test('abuse 24, 27: a lost archive is fetched again, and refused and reported when it is another', async () => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', ZIP)
    await custom.add(http(`${custom.host.url}/a.zip`, {}, { reference: 'one' }))
    await custom.app.runJobs()
    await custom.app.blobs.remove(digest('sha256', ZIP))
    await scrubBlobs(custom.app.ctx(SYSTEM), memoryReport())
    await custom.app.runJobs()
    expect(await custom.download('one')).toEqual(Buffer.from(ZIP))

    await custom.app.blobs.remove(digest('sha256', ZIP))
    custom.host.serve('/a.zip', packageArchive({ version: '1.0.0' }, { content: 'other' }))
    const asked = custom.download('one').catch((error: { code: string }) => error.code)
    await Bun.sleep(20)
    await custom.app.runJobs()
    custom.app.clock.advance('1 hour')
    await custom.app.runJobs()

    expect(await asked).toBe('archive_failed')
    expect(custom.app.warnings.splice(0).join('')).toContain('its bytes differ from those recorded')
    custom.app.expectFailedJobs(1)
  })
})

describe('a host that lies', () => {
  const HTML = new TextEncoder().encode('<!doctype html><title>Log in</title>')
  const cases: [string, Record<string, unknown>, (request: Request) => Response | Promise<Response>, string][] = [
    [
      'abuse 26: sends other bytes than the checksum',
      { shasum: '0'.repeat(40) },
      () => new Response(ZIP.slice()),
      'archive_differs',
    ],
    ['abuse 25: answers 200 with a page', {}, () => new Response(HTML), 'archive_refused'],
    ['abuse 23: sends a truncated archive', {}, () => new Response(ZIP.slice(0, -40)), 'archive_refused'],
    ['sends a tar as a zip', {}, () => new Response(packageArchive({}, { format: 'tar' }).slice()), 'archive_refused'],
    [
      'abuse 18: packs a path that leaves the package',
      {},
      () => new Response(zipWith({ name: '../x' }).slice()),
      'archive_refused',
    ],
    ['abuse 30: redirects to a link-local address', {}, () => Response.redirect('http://169.254.169.254/'), 'egress_blocked'],
    ['abuse 30: redirects to a private address', {}, () => Response.redirect('http://[::ffff:10.0.0.1]/'), 'egress_blocked'],
    [
      'abuse 35: redirects to a file',
      {},
      () => new Response(null, { status: 302, headers: { location: 'file:///etc/passwd' } }),
      'invalid_url',
    ],
    ['refuses the credential', {}, () => new Response(null, { status: 403 }), 'source_refused'],
    ['fails', {}, () => new Response(null, { status: 500 }), 'source_unreachable'],
  ]

  test.each(cases)('%s', async (_, dist, answer, code) => {
    const custom = await createCustom()
    custom.host.serve('/a.zip', answer)
    const defined = await custom.add(http(`${custom.host.url}/a.zip`, {}, { reference: 'one', ...dist }))
    await custom.app.runJobs()

    expect(await stateOf(custom, defined)).toMatchObject({ state: 'failing', problemCode: code })
    expect(await Array.fromAsync(custom.app.blobs.list())).toEqual([])
    expect((await custom.metadata())[0]).not.toHaveProperty('dist.shasum')
    const { count } = await custom.app.test.database.read
      .selectFrom('jobs')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('state', '=', 'failed')
      .executeTakeFirstOrThrow()
    custom.app.expectFailedJobs(count)
  })

  test('abuse 30: redirects to the registry itself are refused by the rule that refused them', async () => {
    const custom = await createCustom()
    const outside = temporaryHost('127.0.0.2')
    custom.app.ports.http = createHttp(createEgress({ allow: ['127.0.0.2/32'] }))
    custom.host.serve('/inside.zip', ZIP)
    outside.serve('/a.zip', () => Response.redirect(`${custom.host.url}/inside.zip`))
    const defined = await custom.add(http(`${outside.url}/a.zip`))
    await custom.app.runJobs()

    expect(await stateOf(custom, defined)).toMatchObject({ problemCode: 'egress_blocked' })
    expect((await stateOf(custom, defined)).problem).toContain('127.0.0.1')
    expect(custom.host.seen).toEqual([])
    custom.app.expectFailedJobs(1)
  })

  test('abuse 9: trickles, and is given up in time', async () => {
    const custom = await createCustom()
    custom.app.ports.limits = { ...custom.app.ports.limits, sourceDuration: 300, sourceStall: 200 }
    custom.host.serve(
      '/a.zip',
      () =>
        new Response(
          new ReadableStream({
            async pull(controller) {
              await Bun.sleep(50)
              controller.enqueue(new Uint8Array(1))
            },
          }),
        ),
    )
    const defined = await custom.add(http(`${custom.host.url}/a.zip`))
    await custom.app.runJobs()

    expect(await stateOf(custom, defined)).toMatchObject({ problemCode: 'source_timeout' })
    custom.app.expectFailedJobs(0)
  })

  test('abuse 19: sends more than the limit', async () => {
    const custom = await createCustom()
    custom.app.ports.limits = { ...custom.app.ports.limits, archiveBytes: 10_000 }
    custom.host.serve('/a.zip', new Uint8Array(20_000))
    const defined = await custom.add(http(`${custom.host.url}/a.zip`))
    await custom.app.runJobs()

    expect(await stateOf(custom, defined)).toMatchObject({ problemCode: 'archive_too_large' })
    custom.app.expectFailedJobs(0)
  })
})
