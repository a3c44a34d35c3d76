import { describe, expect, test } from 'bun:test'
import { ABSENCE_LASTS, addMirror, changeMirror, listReservations, releaseNames } from '../../../src/core/mirrors/index.ts'
import { addTestPackage } from './private-package.ts'
import { createMirrorKit, createMirrorKitOf, type MirrorKit } from '../../kit/mirror-kit.ts'
import { temporaryUpstream } from '../../kit/upstream-server.ts'

const LOG = 'psr/log'
const PACKAGES = { [LOG]: ['1.0.0', '1.1.0', 'dev-main'] }

function namesOf(versions: readonly Record<string, unknown>[] | null): unknown[] | null {
  return versions?.map((version) => version['version']) ?? null
}

async function body(kit: MirrorKit, path: string): Promise<Record<string, unknown>> {
  return (await (await kit.get(path)).json()) as Record<string, unknown>
}

describe('a name that nobody added', () => {
  test('CO-049 is answered as the upstream has it, with archives of our own', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })

    expect(namesOf(await kit.versions(LOG))).toEqual(['1.1.0', '1.0.0'])
    expect(namesOf(await kit.versions(`${LOG}~dev`))).toEqual(['dev-main'])
    const [version] = (await kit.versions(LOG)) ?? []
    expect(version).toMatchObject({ name: LOG, dist: { url: expect.stringContaining('/acme/dists/psr/log/') } })
    expect(kit.upstream.count(`/p2/${LOG}.json`)).toBe(1)
  })

  test('CO-049 that no upstream has is 404, and is not asked for again for a while', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })

    expect((await kit.get('p2/psr/nothing.json')).status).toBe(404)
    expect((await kit.get('p2/psr/nothing.json')).status).toBe(404)
    expect(kit.upstream.count('/p2/psr/nothing.json')).toBe(1)

    kit.upstream.setVersions('psr/nothing', ['1.0.0'])
    kit.app.clock.advance(ABSENCE_LASTS - 1)
    expect((await kit.get('p2/psr/nothing.json')).status).toBe(404)
    kit.app.clock.advance(2)
    expect(namesOf(await kit.versions('psr/nothing'))).toEqual(['1.0.0'])
  })

  test('CO-049 that no upstream has is written once a day', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    const ask = (names: readonly string[]) =>
      Promise.all(names.map(async (name) => (await kit.get(`p2/psr/${name}.json`)).status))
    const absences = () => kit.app.events.flatMap((event) => (event.type === 'mirror.names-absent' ? [event.names] : []))

    expect(await ask(['log-one', 'log-two', 'log-three'])).toEqual([404, 404, 404])
    expect(absences().flat().toSorted()).toEqual(['psr/log-one', 'psr/log-three', 'psr/log-two'])

    kit.app.clock.advance(ABSENCE_LASTS + 1)
    expect(await ask(['log-one', 'log-one'])).toEqual([404, 404])
    expect(await ask(['log-one'])).toEqual([404])
    expect(kit.upstream.count('/p2/psr/log-one.json')).toBe(2)
    expect(absences().flat()).toHaveLength(3)

    kit.app.clock.advance('25 hours')
    expect(await ask(['log-one'])).toEqual([404])
    expect(absences().at(-1)).toEqual(['psr/log-one'])
    expect(absences().flat()).toHaveLength(4)
  })

  test('CO-006 the root file does not keep clients from asking', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })

    const root = await body(kit, 'packages.json')
    expect(root).not.toHaveProperty('available-packages')
    expect(root).not.toHaveProperty('available-package-patterns')
  })

  test('CO-006 the root file gives the patterns of a mirror that is for some names only', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES }, { only: ['psr/*'] })
    await kit.versions(LOG)

    expect(await body(kit, 'packages.json')).toMatchObject({
      'available-packages': [LOG],
      'available-package-patterns': ['psr/*'],
    })
    expect((await kit.get('p2/symfony/console.json')).status).toBe(404)
    expect(kit.upstream.count(/symfony/)).toBe(0)
  })

  test('is not asked of a mirror whose packages are added by hand, nor of one that is disabled', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES }, { behavior: 'manual' })

    expect((await kit.get(`p2/${LOG}.json`)).status).toBe(404)
    const { mirror } = await kit.mirror()
    await changeMirror(kit.app.ctx(), mirror, { behavior: 'disabled' })
    expect((await kit.get(`p2/${LOG}.json`)).status).toBe(404)
    expect(kit.upstream.count(/^\/p2/)).toBe(0)
    expect(await body(kit, 'packages.json')).toHaveProperty('available-package-patterns')
    kit.app.leaveJobs()
  })
})

describe('several mirrors', () => {
  test('the one that comes first and has the package is its only origin', async () => {
    const kit = await createMirrorKit({ packages: { [LOG]: ['1.0.0'] } })
    const second = await temporaryUpstream({ packages: { [LOG]: ['9.9.9'], 'psr/http': ['1.0.0'] } })
    await addMirror(kit.app.ctx(), { organization: kit.organization, url: second.url })
    await kit.app.runJobs()

    expect(namesOf(await kit.versions(LOG))).toEqual(['1.0.0'])
    expect(namesOf(await kit.versions('psr/http'))).toEqual(['1.0.0'])
  })

  test('abuse 33 one that fails does not let another further down step in', async () => {
    const kit = await createMirrorKit({ packages: { [LOG]: ['1.0.0'] } })
    const second = await temporaryUpstream({ packages: { [LOG]: ['9.9.9'] } })
    await addMirror(kit.app.ctx(), { organization: kit.organization, url: second.url })
    await kit.app.runJobs()
    kit.upstream.misbehave(/^\/p2/, { kind: 'status', status: 503 })

    const refused = await kit.get(`p2/${LOG}.json`)
    expect(refused.status).toBe(502)
    expect(await refused.json()).toMatchObject({ status: 'error' })
    kit.upstream.behave()
    expect(namesOf(await kit.versions(LOG))).toEqual(['1.0.0'])
  })

  test('one that comes first and is added by hand keeps the package from being added', async () => {
    const kit = await createMirrorKit({ packages: { [LOG]: ['1.0.0'] } }, { behavior: 'manual' })
    const second = await temporaryUpstream({ packages: { [LOG]: ['9.9.9'] } })
    await addMirror(kit.app.ctx(), { organization: kit.organization, url: second.url })
    await kit.app.runJobs()

    expect((await kit.get(`p2/${LOG}.json`)).status).toBe(404)
  })
})

describe('names of private packages', () => {
  test('abuse 34 are never asked of any upstream, nor is what their vendor may have', async () => {
    const kit = await createMirrorKit({ packages: { 'corp/secret': ['1.0.0'], 'corp/other': ['1.0.0'], 'acme/tool': ['1.0.0'] } })
    await addTestPackage(kit, 'corp/secret')

    expect(namesOf(await kit.versions('corp/secret'))).toEqual(['0.1.0'])
    for (const name of ['corp/other', 'acme/tool']) {
      const refused = await kit.get(`p2/${name}.json`)
      expect(refused.status).toBe(404)
      expect(await refused.json()).toMatchObject({ warning: expect.stringContaining('is reserved for private packages') })
    }
    expect(kit.upstream.count(/corp|acme/)).toBe(0)
    const patterns = (await listReservations(kit.app.ctx(), kit.organization)).map(({ pattern }) => pattern)
    expect(patterns).toEqual(['acme/*', 'corp/*', 'corp/secret'])
  })

  test('abuse 34 a vendor that an administrator gave free is asked for, the names of private packages still not', async () => {
    const kit = await createMirrorKit({ packages: { 'corp/secret': ['1.0.0'], 'corp/other': ['1.0.0'] } })
    await addTestPackage(kit, 'corp/secret')
    await releaseNames(kit.app.ctx(), kit.organization, ['corp/*'])

    expect(namesOf(await kit.versions('corp/other'))).toEqual(['1.0.0'])
    expect(kit.upstream.count(/secret/)).toBe(0)
    await expect(releaseNames(kit.app.ctx(), kit.organization, ['corp/secret'])).rejects.toMatchObject({ code: 'invalid_input' })
  })

  test('abuse 33 a private package takes the place of a mirrored one, whose archives stay', async () => {
    const kit = await createMirrorKit({ packages: { 'corp/tool': ['1.0.0', '2.0.0'] } })
    await kit.versions('corp/tool')
    const lockedArchive = await kit.archive('corp/tool', '1.0.0')
    const locked = (await kit.versions('corp/tool'))?.find((version) => version['version'] === '1.0.0')?.['dist'] as {
      url: string
    }
    expect(lockedArchive.status).toBe(200)
    await addTestPackage(kit, 'corp/tool')

    expect(namesOf(await kit.versions('corp/tool'))).toEqual(['0.1.0'])
    expect(await kit.incidents()).toContain('taken-over corp/tool')
    const { pathname } = new URL(locked.url)
    expect((await kit.send(pathname, { token: kit.token })).status).toBe(200)
    await kit.refresh()
    expect(namesOf(await kit.versions('corp/tool'))).toEqual(['0.1.0'])
  })
})

test('abuse 33 a private package that appears while an upstream is asked for its name is the one that is answered', async () => {
  const kit = await createMirrorKit({ packages: { 'corp/tool': ['1.0.0'] } })
  kit.upstream.latency = 100

  const answer = kit.get('p2/corp/tool.json')
  while (kit.upstream.count(/corp/) === 0) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  await addTestPackage(kit, 'corp/tool')
  expect((await answer).status).toBe(200)
  expect(namesOf(await kit.versions('corp/tool'))).toEqual(['0.1.0'])
  expect(await kit.incidents()).toEqual(['reserved corp/tool'])
})

test('packages that are asked for at once are recorded together, and each is complete', async () => {
  const names = Array.from({ length: 40 }, (_, index) => `psr/package-${index}`)
  const kit = await createMirrorKit({ packages: Object.fromEntries(names.map((name) => [name, ['1.0.0', 'dev-main']])) })

  const statuses = await Promise.all(names.map(async (name) => (await kit.get(`p2/${name}.json`)).status))
  expect(new Set(statuses)).toEqual(new Set([200]))
  for (const name of names) {
    expect(namesOf(await kit.versions(`${name}~dev`))).toEqual(['dev-main'])
  }
  expect(kit.app.events.filter(({ type }) => type === 'package.mirrored')).toHaveLength(40)
})

describe('an upstream that fails', () => {
  test('abuse 29 is never taken for one that does not have a name', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    kit.upstream.misbehave(/^\/p2/, { kind: 'status', status: 500 })

    expect((await kit.get(`p2/${LOG}.json`)).status).toBe(502)
    kit.upstream.behave()
    expect(namesOf(await kit.versions(LOG))).toEqual(['1.1.0', '1.0.0'])
  })

  test('abuse 29 that said before that it does not have a name is believed until it says something else', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    expect((await kit.get('p2/psr/nothing.json')).status).toBe(404)
    kit.app.clock.advance(ABSENCE_LASTS * 2)
    kit.upstream.misbehave(/^\/p2/, { kind: 'status', status: 500 })

    expect((await kit.get('p2/psr/nothing.json')).status).toBe(404)
  })

  test('abuse 29 does not keep anybody from what is known', async () => {
    const upstream = await temporaryUpstream({ packages: PACKAGES })
    const kit = await createMirrorKitOf(upstream)
    await kit.versions(LOG)
    await upstream.fall()

    expect(await kit.refresh()).toBe('upstream_failed')
    expect(namesOf(await kit.versions(LOG))).toEqual(['1.1.0', '1.0.0'])
    expect((await kit.mirror()).mirror).toMatchObject({ state: 'failing', failingSince: expect.any(Number) })
  })
})

test('abuse 32 of a thousand clients that ask for one cold package at once one asks the upstream', async () => {
  const kit = await createMirrorKit({ packages: PACKAGES, latency: 20 })
  await kit.listening(async (url) => {
    const headers = { Authorization: `Basic ${Buffer.from(`token:${kit.token}`).toString('base64')}` }
    const ask = async (index: number) => {
      const response = await fetch(`${url}/acme/p2/${LOG}.json?${index % 7}`, { headers })
      await response.arrayBuffer()
      return response.status
    }
    const statuses = await Promise.all(Array.from({ length: 1000 }, (_, index) => ask(index)))
    expect(statuses.filter((status) => status === 200)).toHaveLength(1000)
  })
  expect(kit.upstream.count(`/p2/${LOG}.json`)).toBe(1)
})
