import { expect, test } from 'bun:test'
import { createMirrored, type Mirrored } from '../../../test/kit/mirrored.ts'
import { changeMirror } from '../mirrors/index.ts'
import type { UpstreamVersion } from '../../composer/index.ts'
import { getOrganizationByPath } from '../organizations/index.ts'
import { changeRepositoryOptions } from './index.ts'

const NAME = 'vendor/tool'

async function withVersions(
  changes: Partial<UpstreamVersion> = {},
): Promise<Mirrored & { dist(version: string): ReturnType<Mirrored['dist']> }> {
  const mirrored = await createMirrored({ packages: { [NAME]: ['1.0.0', 'dev-main'] } })
  await mirrored.record(NAME, ['1.0.0', 'dev-main'], changes)
  return { ...mirrored, dist: (version) => mirrored.dist(NAME, version) }
}

async function setOptions({ app }: Mirrored, options: Parameters<typeof changeRepositoryOptions>[1]['options']): Promise<void> {
  const organization = await getOrganizationByPath(app.ctx(), 'acme')
  await changeRepositoryOptions(app.ctx(), { organization, options })
}

test('archives of mirrored releases are addressed here, with the checksum that the upstream says', async () => {
  const tool = await withVersions()
  const reference = tool.upstream.referenceOf(NAME, '1.0.0')

  expect(await tool.dist('1.0.0')).toEqual({
    type: 'zip',
    url: `https://r/acme/dists/${NAME}/1.0.0/${reference}.zip`,
    reference,
    shasum: expect.stringMatching(/^[0-9a-f]{40}$/),
  })
})

test.each([['1.0.0'], ['dev-main']])(
  'CO-158 mirrored %s was published when its upstream says so, else when it came here',
  async (version) => {
    const silent = await withVersions()
    const telling = await withVersions({ publishedTime: '2024-01-02T00:00:00+00:00' })
    const at = new Date(silent.app.clock.now()).toISOString().replace(/\.\d+Z$/, '+00:00')
    const published = async (tool: Mirrored) =>
      (await tool.versions(NAME)).find((one) => one['version'] === version)?.['published-time']

    expect(await published(silent)).toBe(at)
    expect(await published(telling)).toBe('2024-01-02T00:00:00+00:00')
  },
)

test('CO-074: mirrored development versions name their own reference, because an upstream has no other archives', async () => {
  const tool = await withVersions()
  const reference = tool.upstream.referenceOf(NAME, 'dev-main')

  expect(await tool.dist('dev-main')).toEqual({
    type: 'zip',
    url: `https://r/acme/dists/${NAME}/dev-main/${reference}.zip`,
    reference,
  })
})

test('PR-703: where archives are not kept, the dist of the upstream shines through', async () => {
  const tool = await withVersions()
  const { app, mirror, upstream } = tool
  const before = await tool.package(NAME)
  await changeMirror(app.ctx(), mirror, { keepsArchives: false })

  const url = `${upstream.origin}${upstream.archivePath(NAME, 'dev-main')}`
  expect(await tool.dist('dev-main')).toMatchObject({ url, shasum: expect.any(String) })
  expect((await tool.package(NAME)).revision).toBeGreaterThan(before.revision)
})

test('an organization may have clients address the upstream, and its registry as the preferred mirror', async () => {
  const tool = await withVersions()
  await setOptions(tool, { archiveUrls: 'upstream' })

  const url = `${tool.upstream.origin}${tool.upstream.archivePath(NAME, '1.0.0')}`
  expect(await tool.dist('1.0.0')).toEqual({
    type: 'zip',
    url,
    reference: tool.upstream.referenceOf(NAME, '1.0.0'),
    shasum: expect.any(String),
  })
})

test('the source of mirrored versions is hidden, shown, or hidden always, unless there is no archive', async () => {
  const tool = await withVersions()
  const source = async () => (await tool.versions(NAME))[0]?.['source']
  expect(await source()).toBeUndefined()

  await setOptions(tool, { hiddenSources: 'never' })
  expect(await source()).toMatchObject({ type: 'git', url: `https://git.example.org/${NAME}.git` })

  await setOptions(tool, { hiddenSources: 'always' })
  await tool.record(NAME, ['1.0.0', 'dev-main'], { dist: null })
  expect(await source()).toMatchObject({ type: 'git' })
  expect(await tool.dist('1.0.0')).toBeUndefined()
})

test('no checksum is shown of hosts that change the files of published versions', async () => {
  const reference = 'a'.repeat(40)
  const dist = {
    type: 'zip',
    url: 'https://repo.magento.com/archives/tool-1.0.0.zip',
    reference,
    shasum: 'b'.repeat(40),
  } as const
  const tool = await withVersions({ dist })

  expect(await tool.dist('1.0.0')).not.toHaveProperty('shasum')
})
