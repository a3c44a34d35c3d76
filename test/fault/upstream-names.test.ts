/** Names of private packages and of upstream ones: which one wins, and which names leave the house. */
import { describe, expect, test } from 'bun:test'
import { buildPackage } from '../kit/build.ts'
import { createMirrorKit, type MirrorKit } from '../kit/mirror-kit.ts'

async function versionsOf(kit: MirrorKit, name: string): Promise<unknown[] | undefined> {
  return (await kit.versions(name))?.map(({ version }) => version)
}

describe('private names', () => {
  test('abuse 34 are asked of no upstream, neither the packages nor others of their vendor', async () => {
    const kit = await createMirrorKit({ packages: { 'acme/http': ['9.0.0'], 'acme/typo': ['9.0.0'], 'vendor/http': ['1.0.0'] } })
    await buildPackage(kit.app, { organization: kit.organization, name: 'acme/http' })

    expect(await versionsOf(kit, 'acme/http')).toEqual(['1.0.0'])
    const absent = await kit.get('p2/acme/typo.json')
    await kit.get('p2/acme/http~dev.json')
    await kit.refresh()

    expect(absent.status).toBe(404)
    expect(absent.headers.get('content-type')).toBe('application/json')
    expect(await absent.json()).toMatchObject({ warning: expect.stringContaining('reserved') })
    expect(kit.upstream.requests.filter(({ path, query, body }) => `${path}${query}${body}`.includes('acme/'))).toEqual([])
    expect(await versionsOf(kit, 'vendor/http')).toEqual(['1.0.0'])
  })

  test('abuse 33 a private package takes its name from a mirrored one, and is never merged with it', async () => {
    const kit = await createMirrorKit({ packages: { 'vendor/http': ['1.0.0', '9.0.0'] } })
    expect(await versionsOf(kit, 'vendor/http')).toEqual(['9.0.0', '1.0.0'])

    await buildPackage(kit.app, { organization: kit.organization, name: 'vendor/http', versions: ['2.0.0'] })
    const asked = kit.upstream.count(/vendor\/http/)
    await kit.refresh()

    expect(await versionsOf(kit, 'vendor/http')).toEqual(['2.0.0'])
    expect(await kit.incidents()).toContain('taken-over vendor/http')
    expect(kit.upstream.count(/vendor\/http/)).toBe(asked)
  })

  test('abuse 33 an upstream that lists a private name is reported, and nothing is taken from it', async () => {
    const kit = await createMirrorKit(
      { shape: 'v2-available', packages: { 'acme/http': ['9.0.0'], 'vendor/http': ['1.0.0'] } },
      { takesAll: true },
    )
    kit.app.leaveJobs()
    await buildPackage(kit.app, { organization: kit.organization, name: 'acme/other' })

    await kit.refresh()

    expect(await kit.incidents()).toContain('reserved acme/http')
    expect((await kit.get('p2/acme/http.json')).status).toBe(404)
  })
})

describe('releases that change what they may do', () => {
  const BEFORE = { version: '1.0.0', manifest: { autoload: { 'psr-4': { 'V\\': 'src/' } } } }
  const AFTER = [BEFORE, { version: '1.0.1', manifest: { autoload: { 'psr-4': { 'V\\': 'src/' }, files: ['src/evil.php'] } } }]
  const PLUGIN = [BEFORE, { version: '1.0.1', manifest: { type: 'composer-plugin' } }]

  test.each([
    ['a patch release with files that always run', AFTER],
    ['a library that became a plugin', PLUGIN],
  ])('abuse 36 %s: flagged, and kept back where that is wanted', async (_, changed) => {
    for (const holdsSuspects of [false, true]) {
      const kit = await createMirrorKit({ packages: { 'vendor/http': [BEFORE] } }, { holdsSuspects })
      expect(await versionsOf(kit, 'vendor/http')).toEqual(['1.0.0'])

      kit.upstream.setVersions('vendor/http', changed)
      await kit.refresh()

      expect(await versionsOf(kit, 'vendor/http')).toEqual(holdsSuspects ? ['1.0.0'] : ['1.0.1', '1.0.0'])
      expect((await kit.incidents()).some((incident) => incident.startsWith('suspect vendor/http'))).toBe(true)
    }
  })
})
