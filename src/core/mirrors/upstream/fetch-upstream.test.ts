import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../../test/kit/app.ts'
import {
  temporaryUpstream,
  type Upstream,
  type UpstreamFault,
  type UpstreamOptions,
  type UpstreamShape,
} from '../../../../test/kit/upstream-server.ts'
import type { Ctx } from '../../kernel/ctx.ts'
import { addMirror, type AddMirror } from '../add-mirror.ts'
import type { Mirror } from '../mirror.ts'
import { readRoot } from '../read-root.ts'
import { canTakeAll, fetchChanges, fetchListing, fetchNames, fetchPackage, fetchRoot, type FetchedPackage } from './index.ts'

interface Mirrored {
  app: TestApp
  ctx: Ctx
  upstream: Upstream
  /** As it is after its root file was read. */
  mirror: Mirror
}

const PACKAGES = { 'acme/http': ['1.0.0', '1.1.0', 'dev-main'], 'acme/log': ['2.0.0'] }

async function mirrorOf(options: UpstreamOptions = {}, choices: Partial<AddMirror> = {}): Promise<Mirrored> {
  const app = await createTestApp()
  app.leaveJobs()
  const upstream = await temporaryUpstream({ packages: PACKAGES, ...options })
  const { id: organization } = await app.organization()
  const ctx = app.ctx()
  const added = await addMirror(ctx, { organization, url: upstream.url, timeout: 5_000, ...choices })
  const { mirror } = await readRoot(ctx, added.mirror)
  upstream.requests.splice(0)
  return { app, ctx, upstream, mirror }
}

function ask(
  { ctx, mirror }: Mirrored,
  { name = 'acme/http', known = null }: { name?: string; known?: FetchedPackage | null } = {},
): Promise<FetchedPackage> {
  return fetchPackage(ctx, mirror, { name, known: known?.kind === 'package' ? known : null, maxBytes: 1_000_000 })
}

function versionsOf(fetched: FetchedPackage): string[] | string {
  return fetched.kind === 'package' ? fetched.versions.map(({ version }) => version).toSorted() : fetched.kind
}

const SHAPES: UpstreamShape[] = ['v2', 'v2-available', 'v2-patterns', 'v2-unminified', 'providers', 'lazy', 'inline', 'satis']

const FAULTS: [UpstreamFault, string][] = [
  [{ kind: 'html' }, 'cannot be used|is not the announced one'],
  [{ kind: 'truncated' }, 'cannot be used|is not the announced one'],
  [{ kind: 'body', body: '{"packages"' }, 'cannot be used|is not the announced one'],
  [{ kind: 'body', body: Buffer.from([0x7b, 0xff, 0x7d]) }, 'not UTF-8|is not the announced one'],
  [{ kind: 'close' }, '127.0.0.1'],
  [{ kind: 'status', status: 500 }, 'answered 500'],
  [{ kind: 'status', status: 403 }, 'answered 403'],
  [{ kind: 'status', status: 418 }, 'answered 418'],
  [{ kind: 'bomb', bytes: 40_000_000 }, ''],
  [{ kind: 'huge', bytes: 200_000_000 }, ''],
  [{ kind: 'redirect', to: 'http://169.254.169.254/latest' }, 'are not allowed'],
  [{ kind: 'redirect', to: 'http://[::ffff:10.0.0.1]/' }, 'are not allowed'],
  [{ kind: 'redirect', to: 'file:///etc/passwd' }, 'only http and https'],
  [{ kind: 'other-name', name: 'evil/http' }, 'evil/http|is not the announced one'],
]

describe.each(SHAPES)('a repository of the shape %s', (shape) => {
  test('CO-049 gives packages, says what it does not have, and what did not change', async () => {
    const mirrored = await mirrorOf({ shape, path: '/composer', urls: 'root-relative' })

    const first = await ask(mirrored)
    expect(versionsOf(first)).toEqual(['1.0.0', '1.1.0', 'dev-main'])
    expect(first.kind === 'package' && first.versions[0]?.dist?.url).toStartWith(`${mirrored.upstream.origin}/composer/dist/`)
    expect(await ask(mirrored, { name: 'acme/none' })).toEqual({ kind: 'absent' })
    expect(await ask(mirrored, { known: first })).toEqual({ kind: 'unchanged' })
    expect(await ask(mirrored, { name: 'Acme/../x' })).toEqual({ kind: 'absent' })
  })

  test('CO-049 gives what is new, also of packages that its list did not have before', async () => {
    const mirrored = await mirrorOf({ shape })
    const { upstream } = mirrored
    const first = await ask(mirrored, { name: 'acme/log' })
    upstream.setVersions('acme/new', ['1.0.0'])
    upstream.setVersions('acme/log', ['2.0.0', '2.1.0'])
    const isByName = shape.startsWith('v2') || shape === 'lazy'
    const current = isByName ? mirrored : { ...mirrored, mirror: (await readRoot(mirrored.ctx, mirrored.mirror)).mirror }

    expect(versionsOf(await ask(mirrored, { name: 'acme/new' }))).toEqual(['1.0.0'])
    expect(versionsOf(await ask(current, { name: 'acme/log', known: first }))).toEqual(['2.0.0', '2.1.0'])
  })

  test('PR-701 lists its packages where it says which there are', async () => {
    const mirrored = await mirrorOf({ shape, uid: true })
    const { ctx, mirror } = mirrored
    const file = await fetchRoot(ctx, { ...mirror, root: null })
    if (file.kind !== 'root') throw new Error('It was not read.')
    const isListing = ['v2-available', 'providers', 'inline', 'satis'].includes(shape)
    const names = (await fetchNames(ctx, mirror, file))?.toSorted() ?? null
    expect(names).toEqual(isListing ? ['acme/http', 'acme/log'] : null)
    expect((await fetchNames(ctx, mirror, null))?.toSorted() ?? null).toEqual(names)
    expect(canTakeAll(file.root)).toBe(isListing)
    const isStored = ['providers', 'inline', 'satis'].includes(shape)
    expect(await Array.fromAsync(fetchListing(ctx, mirror, file))).toHaveLength(isStored ? 2 : 0)
  })

  test('abuse 25, 29, 30: misbehaviour is a failure and never an absence', async () => {
    const mirrored = await mirrorOf({ shape })
    const { upstream, ctx } = mirrored
    const known = await ask(mirrored)
    for (const [fault, problem] of FAULTS) {
      upstream.misbehave(fault.kind === 'other-name' ? /acme/ : /./, fault)
      if (shape === 'inline' || shape === 'satis') {
        // Nothing but lists is asked for, and what was read of them before stays.
        expect(await ask(mirrored, { known })).toEqual({ kind: 'unchanged' })
        const reading = fetchRoot(ctx, { ...mirrored.mirror, root: null })
        await (fault.kind === 'other-name' ? reading : expect(reading).rejects.toMatchObject({ code: 'upstream_failed' }))
      } else {
        const failure = await ask(mirrored).catch((error: unknown) => error)
        const isLarge = fault.kind === 'bomb' || fault.kind === 'huge'
        expect(failure).toMatchObject({ code: isLarge ? 'source_too_large' : 'upstream_failed' })
        expect(String((failure as { details: { problem?: string } }).details.problem ?? '')).toMatch(new RegExp(problem))
      }
      upstream.behave()
      expect(versionsOf(await ask(mirrored))).toEqual(versionsOf(known))
      await fetchRoot(ctx, mirrored.mirror)
    }
  })
})

describe('files about a package', () => {
  test('CO-020 are asked for both at once and conditionally, and both are read again when one changed', async () => {
    const mirrored = await mirrorOf()
    const { upstream } = mirrored
    const first = await ask(mirrored)
    upstream.requests.splice(0)
    expect(await ask(mirrored, { known: first })).toEqual({ kind: 'unchanged' })
    expect(upstream.requests.map(({ headers }) => Boolean(headers['if-none-match'] ?? headers['if-modified-since']))).toEqual([
      true,
      true,
    ])

    upstream.setVersions('acme/http', ['1.0.0', '1.1.0', 'dev-main', 'dev-next'])
    expect(versionsOf(await ask(mirrored, { known: first }))).toEqual(['1.0.0', '1.1.0', 'dev-main', 'dev-next'])
  })

  test('may be one alone', async () => {
    const mirrored = await mirrorOf()
    const { upstream } = mirrored
    upstream.misbehave('/p2/acme/http~dev.json', { kind: 'status', status: 404 })
    const stable = await ask(mirrored)
    expect(versionsOf(stable)).toEqual(['1.0.0', '1.1.0'])
    expect(stable).toMatchObject({ dev: { modified: null, etag: null, sha256: null } })
    expect(await ask(mirrored, { known: stable })).toEqual({ kind: 'unchanged' })

    upstream.behave()
    upstream.misbehave('/p2/acme/http.json', { kind: 'status', status: 410 })
    expect(versionsOf(await ask(mirrored, { known: stable }))).toEqual(['dev-main'])
    upstream.misbehave('/p2/acme/http~dev.json', { kind: 'status', status: 404 })
    expect(await ask(mirrored, { known: stable })).toEqual({ kind: 'absent' })
  })

  test.each(['/p2/acme/http.json', '/p2/acme/http~dev.json'])('abuse 25: of which %s fails give nothing', async (path) => {
    const mirrored = await mirrorOf()
    const known = await ask(mirrored)
    mirrored.upstream.setVersions('acme/http', ['3.0.0', 'dev-next'])
    mirrored.upstream.misbehave(path, { kind: 'status', status: 502 })
    await expect(ask(mirrored, { known })).rejects.toMatchObject({ code: 'upstream_failed', details: { status: 502 } })
  })

  test('abuse 25: are not unchanged for a server that says so unasked', async () => {
    const mirrored = await mirrorOf()
    mirrored.upstream.misbehave(/p2/, { kind: 'status', status: 304 })
    await expect(ask(mirrored)).rejects.toMatchObject({ code: 'upstream_failed', details: { status: 304 } })
  })

  test('that are larger than the caller takes are for somebody else', async () => {
    const { ctx, mirror } = await mirrorOf()
    const asked = fetchPackage(ctx, mirror, { name: 'acme/http', known: null, maxBytes: 100 })
    await expect(asked).rejects.toMatchObject({ code: 'source_too_large' })
  })

  test('CO-009 are not asked for where the root file has the package', async () => {
    const dist = { type: 'zip', url: 'https://cdn.example/a.zip' }
    const mirrored = await mirrorOf({
      root: { packages: { 'acme/part': { '1': { name: 'acme/part', version: '1.0', uid: 1, dist } } } },
    })
    expect(versionsOf(await ask(mirrored, { name: 'acme/part' }))).toEqual(['1.0'])
    expect(mirrored.upstream.requests).toEqual([])
    expect(versionsOf(await ask(mirrored))).toHaveLength(3)
    expect(mirrored.upstream.count('/packages.json')).toBe(0)
  })

  test('CO-092 that were replaced are found by the list of now', async () => {
    const mirrored = await mirrorOf({ shape: 'providers' })
    mirrored.upstream.setVersions('acme/http', ['1.2.0'])
    expect(versionsOf(await ask(mirrored))).toEqual(['1.2.0'])
    mirrored.upstream.removePackage('acme/log')
    expect(await ask(mirrored, { name: 'acme/log' })).toEqual({ kind: 'absent' })
  })
})

describe('a root file', () => {
  test('CO-042 is asked for conditionally once it is known', async () => {
    const { ctx, mirror, upstream } = await mirrorOf()
    expect(await fetchRoot(ctx, mirror)).toEqual({ kind: 'unchanged' })
    upstream.setRoot({ list: '/list.json' })
    expect(await fetchRoot(ctx, mirror)).toMatchObject({ kind: 'root', root: { listUrl: `${upstream.origin}/list.json` } })
  })

  test('CO-019 may have another name', async () => {
    const mirrored = await mirrorOf({ path: '/deep', rootName: 'mine.json' })
    expect(versionsOf(await ask(mirrored))).toHaveLength(3)
  })

  test('PR-704 that does not exist, or cannot be reached, is a failure that says where', async () => {
    const { ctx, mirror, upstream } = await mirrorOf()
    const unread = { ...mirror, root: null }
    upstream.misbehave('/packages.json', { kind: 'status', status: 404 })
    await expect(fetchRoot(ctx, unread)).rejects.toMatchObject({
      code: 'upstream_failed',
      details: { status: 404, problem: expect.stringContaining('/packages.json') },
    })
    await upstream.fall()
    await expect(fetchRoot(ctx, unread)).rejects.toMatchObject({
      code: 'upstream_failed',
      details: { problem: expect.stringContaining('127.0.0.1') },
    })
  })

  test('abuse 25: lists with another checksum, in circles and without end are refused', async () => {
    const { ctx, mirror, upstream } = await mirrorOf({ shape: 'satis' })
    const file = await fetchRoot(ctx, { ...mirror, root: null })
    if (file.kind !== 'root') throw new Error('It was not read.')
    const list = async (url: string, checksum: { algorithm: 'sha1'; hex: string } | null) => {
      const root = { ...file.root, protocol: { kind: 'inline' as const, includes: [{ url: `${upstream.url}${url}`, checksum }] } }
      return Array.fromAsync(fetchListing(ctx, mirror, { ...file, root }))
    }
    const serve = (path: string | RegExp, document: unknown) =>
      upstream.misbehave(path, { kind: 'body', body: JSON.stringify(document) })

    serve('/a.json', { packages: {} })
    await expect(list('/a.json', { algorithm: 'sha1', hex: 'a'.repeat(40) })).rejects.toMatchObject({ code: 'upstream_failed' })
    serve('/a.json', { includes: { 'b.json': {} } })
    serve('/b.json', { includes: { 'a.json': {} } })
    await expect(list('/a.json', null)).rejects.toThrow('it leads to itself')
    serve('/c.json', { includes: Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`many/${index}.json`, {}])) })
    serve(/^\/many\//, { packages: {} })
    await expect(list('/c.json', null)).rejects.toThrow('more than 500')
    serve('/d.json', { includes: { 'e.json': {}, 'f.json': {} } })
    serve('/e.json', { packages: { 'acme/x': { '1.0': { version: '1.0' } } }, includes: { 'f.json': {} } })
    serve('/f.json', { packages: { 'acme/x': { '2.0': { version: '2.0' } } } })
    const [listed, ...others] = await list('/d.json', null)
    expect(others).toEqual([])
    expect(JSON.parse(listed?.body ?? '')).toMatchObject({ packages: { 'acme/x': [{ version: '1.0' }, { version: '2.0' }] } })
  })
})

test('PR-701 a bare list is no statement of what there is to take, but names what there is', async () => {
  const { ctx, mirror } = await mirrorOf({ list: true })
  const file = await fetchRoot(ctx, { ...mirror, root: null })
  if (file.kind !== 'root') throw new Error('It was not read.')
  expect(canTakeAll(file.root)).toBe(false)
  expect((await fetchNames(ctx, mirror, file))?.toSorted()).toEqual(['acme/http', 'acme/log'])
})

test('CO-141 a feed says where to begin, what changed, and that everything has to be looked at', async () => {
  const { ctx, mirror, upstream } = await mirrorOf({ feed: true })
  const root = mirror.root!
  const begun = await fetchChanges(ctx, mirror, { root, since: null })
  expect(begun).toEqual({ kind: 'start', next: expect.stringMatching(/^\d+$/) })
  const since = begun!.next
  upstream.setVersions('acme/http', ['5.0.0', 'dev-main'])
  upstream.removePackage('acme/log')
  expect(await fetchChanges(ctx, mirror, { root, since })).toMatchObject({
    kind: 'changes',
    updated: ['acme/http'],
    deleted: ['acme/log'],
  })
  upstream.forgetChanges()
  expect(await fetchChanges(ctx, mirror, { root, since })).toMatchObject({ kind: 'resync' })
  expect(await fetchChanges(ctx, mirror, { root, since: 'nonsense' })).toMatchObject({ kind: 'resync' })
  expect(await fetchChanges(ctx, mirror, { root: { ...root, changesUrl: null }, since })).toBeNull()
  upstream.misbehave(/changes/, { kind: 'html' })
  await expect(fetchChanges(ctx, mirror, { root, since })).rejects.toMatchObject({ code: 'upstream_failed' })
})
