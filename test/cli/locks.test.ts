import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LockReport } from '../../src/core/locks/index.ts'
import { packageArchive } from '../kit/archives.ts'
import { digest } from '../kit/uploads.ts'
import { temporaryUpstream } from '../kit/upstream-server.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

const BYTES = packageArchive({ version: '1.0.0', name: 'acme/widgets' })

let cli: CliFixture

beforeAll(async () => {
  cli = createCliFixture({
    REPERTOIRE_URL: 'https://packages.example.org',
    REPERTOIRE_ALLOW_HTTP_SOURCES: 'true',
    REPERTOIRE_ALLOW_PRIVATE_HOSTS: '127.0.0.0/8',
  })
  await cli.succeed(['org', 'create', 'acme'])
  const archive = join(cli.directory, 'widgets.zip')
  writeFileSync(archive, BYTES)
  await cli.succeed(['artifact', 'upload', 'acme', archive])
})
afterAll(() => cli.end())

function lock(...packages: Record<string, unknown>[]): string {
  const path = join(cli.directory, 'composer.lock')
  writeFileSync(path, JSON.stringify({ packages }))
  return path
}

const reference = digest('sha1', BYTES)
const url = `https://packages.example.org/acme/dists/acme/widgets/1.0.0/${reference}.zip`
const WIDGETS = { name: 'acme/widgets', version: '1.0.0', dist: { type: 'zip', url, reference, shasum: reference } }
const NONE = {
  name: 'acme/none',
  version: '2.0.0',
  dist: { type: 'zip', url: 'https://elsewhere.example.org/a.zip', reference: 'a' },
}

test('lock check ends with 0 when everything is here', async () => {
  const result = await cli.run(['lock', 'check', 'acme', lock(WIDGETS)])

  expect(result.code).toBe(0)
  expect(result.stdout).toContain(
    '1 packages, 1 archives are here, 0 can be got, 0 cannot, 0 packages are installed from elsewhere.',
  )
  expect(result.stdout).toContain('No feed of advisories is asked')
})

test('lock check needs no organization where there is only one', async () => {
  const named = await cli.run(['lock', 'check', 'acme', lock(WIDGETS), '--json'])
  const { code, json } = await cli.run(['lock', 'check', lock(WIDGETS), '--json'])

  expect(code).toBe(0)
  expect(json()).toEqual(named.json())
})

test('lock check ends with 1 and says what there is to look at', async () => {
  const path = lock(WIDGETS, NONE)

  const shown = await cli.run(['lock', 'check', 'acme', path])
  const { code, json } = await cli.run(['lock', 'check', 'acme', path, '--json'])

  expect(shown.code).toBe(1)
  expect(shown.stdout).toMatch(/acme\/none\s+2\.0\.0\s+unknown\s+this repository has no such package/)
  expect(code).toBe(1)
  expect(json<LockReport>()).toMatchObject({
    status: 'findings',
    packages: [
      { name: 'acme/widgets', installs: { from: 'here' }, archive: 'present', findings: [] },
      { name: 'acme/none', installs: { from: 'elsewhere', host: 'elsewhere.example.org' }, findings: [{ kind: 'unknown' }] },
    ],
  })
})

test('lock prefetch gets what it can, names the rest and ends as lock check does', async () => {
  const result = await cli.run(['lock', 'prefetch', 'acme', lock(WIDGETS, NONE)])

  expect(result.code).toBe(1)
  expect(result.stderr).toContain('acme/none 2.0.0: There is no such package.')
  expect(result.stderr).toContain('1 of 2 archives are there.')
  expect(result.stdout).toContain('1 archives are here')
  expect((await cli.run(['lock', 'prefetch', 'acme', lock(WIDGETS)])).code).toBe(0)
})

test('a file that is none, or is no lock file, is refused', async () => {
  expect(await cli.run(['lock', 'check', 'acme', join(cli.directory, 'none.lock')])).toMatchObject({ code: 2 })
  writeFileSync(join(cli.directory, 'bad.lock'), '{"packages": [{"name": "acme/widgets"}]}')
  const bad = await cli.run(['lock', 'check', 'acme', join(cli.directory, 'bad.lock')])
  expect(bad.code).toBe(4)
  expect(bad.stderr).toContain('packages[0].version')
})

test('PR-703 lock prefetch adds packages of a mirror with their archives, and mirror prefetch gets the rest', async () => {
  const name = 'vendor/tool'
  const upstream = await temporaryUpstream({ packages: { [name]: ['1.0.0', '1.1.0'] } })
  await cli.succeed(['mirror', 'add', 'acme', upstream.url, '--name', 'upstream'])
  const locked = {
    name,
    version: '1.0.0',
    dist: { type: 'zip', url: `${upstream.origin}/x`, reference: upstream.referenceOf(name, '1.0.0') },
  }

  const result = await cli.run(['lock', 'prefetch', 'acme', lock(WIDGETS, locked)])
  const rest = await cli.run(['mirror', 'prefetch', 'acme', 'upstream'])

  expect(result.stdout).toContain('2 packages, 2 archives are here')
  expect(result.code).toBe(0)
  expect(rest).toMatchObject({ code: 0, stdout: 'The archives of upstream were fetched, as far as they can be.\n' })
  expect(['1.0.0', '1.1.0'].map((version) => upstream.count(upstream.archivePath(name, version)))).toEqual([1, 1])
})
