import { expect, test } from 'bun:test'
import { SYSTEM, type TestApp } from '../../../test/kit/app.ts'
import { createMirrored } from '../../../test/kit/mirrored.ts'
import { blockPackage } from '../advisories/index.ts'
import { getAudience } from '../catalog/index.ts'
import type { Actor } from '../kernel/actor.ts'
import { findPackage } from '../packages/index.ts'
import { getOrganizationByPath } from '../organizations/index.ts'
import { parseLockFile } from './parse-lock-file.ts'
import { getPrefetch, prefetchLock, type PrefetchedArchive } from './prefetch-lock.ts'

const PACKAGES = { 'vendor/tool': ['1.0.0', '1.1.0'], 'vendor/other': ['2.0.0'], 'vendor/gone': ['1.0.0'] }

function parse(entries: readonly { name: string; version: string; reference: string | null }[]) {
  const packages = entries.map(({ name, version, reference }) => ({
    name,
    version,
    dist: { type: 'zip', url: 'https://u/a.zip', reference },
  }))
  return parseLockFile(Buffer.from(JSON.stringify({ packages })))
}

async function prefetch(app: TestApp, locked: ReturnType<typeof parse>, actor: Actor = SYSTEM): Promise<PrefetchedArchive[]> {
  const ctx = app.ctx(actor)
  const audience = await getAudience(ctx, 'acme')
  const job = await prefetchLock(ctx, audience, locked)
  await app.runJobs()
  const done = await getPrefetch(app.ctx(actor), audience, job.uid)
  expect(done.job.state).toBe('succeeded')
  return done.packages ?? []
}

test('packages that nobody asked for yet are added, and all archives are fetched, so that no upstream is needed afterwards', async () => {
  const { app, upstream, organization, download } = await createMirrored({ packages: PACKAGES })
  const tool = upstream.referenceOf('vendor/tool', '1.0.0')
  const locked = parse([
    { name: 'vendor/tool', version: '1.0.0', reference: tool },
    { name: 'vendor/other', version: '2.0.0', reference: null },
    { name: 'nobody/has-it', version: '1.0.0', reference: 'f'.repeat(40) },
  ])

  const outcome = await prefetch(app, locked)

  expect(outcome.map(({ name, archive }) => [name, archive])).toEqual([
    ['vendor/tool', 'present'],
    ['vendor/other', 'present'],
    ['nobody/has-it', 'unavailable'],
  ])
  await upstream.fall()
  expect(await download('vendor/tool', tool)).toEqual(upstream.archive('vendor/tool', '1.0.0'))
  expect(upstream.count(upstream.archivePath('vendor/tool', '1.1.0'))).toBe(0)
  expect(await findPackage(app.ctx().db, organization, 'vendor/gone')).toBeNull()
})

test('one archive that cannot be got does not stop the others, and what is there is not touched again', async () => {
  const { app, upstream, record } = await createMirrored({ packages: PACKAGES })
  await record('vendor/tool', ['1.0.0', '1.1.0'])
  const path = upstream.archivePath('vendor/tool', '1.0.0')
  upstream.misbehave(path, { kind: 'status', status: 404 })
  const locked = parse(
    ['1.0.0', '1.1.0'].map((version) => ({
      name: 'vendor/tool',
      version,
      reference: upstream.referenceOf('vendor/tool', version),
    })),
  )
  // A lock file has each name once.
  const both = [...locked, ...parse([{ name: 'vendor/other', version: '2.0.0', reference: null }])]

  expect((await prefetch(app, both)).map(({ archive }) => archive)).toEqual(['unavailable', 'present'])
  await prefetch(app, both)
  expect(upstream.count(path)).toBe(1)
  expect(upstream.count(upstream.archivePath('vendor/other', '2.0.0'))).toBe(1)
})

test('nothing is got that is kept back', async () => {
  const { app, upstream, record } = await createMirrored({ packages: PACKAGES })
  await record('vendor/tool', ['1.0.0'])
  const organization = await getOrganizationByPath(app.ctx(), 'acme')
  await blockPackage(app.ctx(), { organization, list: 'blocked', name: 'vendor/tool', versions: '*', reason: null, url: null })

  await prefetch(app, parse([{ name: 'vendor/tool', version: '1.0.0', reference: upstream.referenceOf('vendor/tool', '1.0.0') }]))

  expect(upstream.count(upstream.archivePath('vendor/tool', '1.0.0'))).toBe(0)
})

test('abuse 34: names that the token may not see are asked of nobody', async () => {
  const { app, organization, upstream } = await createMirrored({ packages: PACKAGES })
  const { actor } = await app.token(organization, 'update', ['vendor/other'])
  const wanted = ['vendor/tool', 'vendor/other'].map((name) => ({ name, version: '1.0.0', reference: null }))

  const outcome = await prefetch(app, parse(wanted), actor)

  expect(outcome.map(({ name }) => name)).toEqual(['vendor/other'])
  expect(JSON.stringify(upstream.requests)).not.toContain('vendor/tool')
})

test('two who ask for the same lock file share the job', async () => {
  const { app } = await createMirrored({ packages: PACKAGES })
  const ctx = app.ctx(SYSTEM)
  const audience = await getAudience(ctx, 'acme')
  const locked = parse([{ name: 'vendor/tool', version: '1.0.0', reference: null }])

  const jobs = await Promise.all([prefetchLock(ctx, audience, locked), prefetchLock(ctx, audience, locked)])

  expect(jobs[0]?.uid).toBe(jobs[1]?.uid as string)
})
