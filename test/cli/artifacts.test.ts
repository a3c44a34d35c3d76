import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageArchive } from '../kit/archives.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

interface ArtifactDocument {
  package: string
  version: string
  state: string
  fileName: string
  format: string
  sha1: string
  sha256: string
  size: number
  uploadedAt: string
  outcome: string
  problems: string[]
}

let cli: CliFixture

beforeEach(async () => {
  cli?.end()
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
})
afterAll(() => cli.end())

function file(name: string, bytes: Uint8Array): string {
  const path = join(cli.directory, name)
  writeFileSync(path, bytes)
  return path
}

const upload = (path: string, ...options: string[]) => cli.run(['artifact', 'upload', 'acme', path, ...options])

describe('artifact upload', () => {
  test('publishes an archive and shows its package', async () => {
    const bytes = packageArchive({ version: '1.0.0', name: 'acme/widgets' }, { format: 'tar.gz' })
    const path = file('widgets.tgz', bytes)

    const result = await cli.succeed(['artifact', 'upload', 'acme', path, '--json'])
    const packages = await cli.succeed(['package', 'show', 'acme', 'acme/widgets', '--json'])

    expect(result.json<ArtifactDocument>()).toMatchObject({
      package: 'acme/widgets',
      version: '1.0.0',
      state: 'current',
      fileName: 'widgets.tgz',
      format: 'tar.gz',
      size: bytes.length,
      sha1: createHash('sha1').update(bytes).digest('hex'),
      outcome: 'published',
      problems: [],
    })
    expect(packages.json<{ versions: unknown[] }>().versions).toMatchObject([{ version: '1.0.0', releasedAt: null }])
  })

  test('says in words what became of it', async () => {
    const path = file('a.zip', packageArchive({ homepage: 'nowhere' }))
    const other = file('b.zip', packageArchive({ version: '1.0' }, { content: 'other' }))

    const first = await upload(path, '--package-version', '1.0')
    const again = await upload(path, '--package-version', '1.0')
    const refused = await upload(other)
    const replaced = await upload(other, '--replace')

    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('composer.json: homepage') })
    expect(first.stdout).toStartWith('Published acme/http 1.0 (')
    expect(again.stdout).toStartWith('Already published, with the same content: acme/http 1.0')
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('was published with other content') })
    expect(replaced.stdout).toStartWith('Replaced acme/http 1.0')
  })

  test('refuses what is not what was asked for, and leaves nothing', async () => {
    const bytes = packageArchive({ version: '1.0.0' })
    const path = file('a.zip', bytes)
    const digest = createHash('sha256').update(bytes).digest('hex')

    const results = [
      await upload(path, '--package', 'acme/other', '--json'),
      await upload(path, '--package-version', '2.0', '--json'),
      await upload(
        path,
        '--sha256',
        digest.replace(/^./, (first) => (first === '0' ? '1' : '0')),
        '--json',
      ),
      await upload(file('text.zip', Buffer.from('no archive')), '--json'),
    ]

    const codes = results.map(({ stderr }) => (JSON.parse(stderr) as { error: { code: string } }).error.code)
    expect(codes).toEqual(['upload_mismatch', 'upload_mismatch', 'checksum_mismatch', 'archive_refused'])
    expect(results.map(({ code }) => code)).toEqual([4, 4, 4, 4])
    expect(readdirSync(join(cli.directory, 'blobs/temporary'))).toEqual([])
    expect((await upload(path, '--sha256', digest)).code).toBe(0)
  })

  test('of a file that is not there is wrong use', async () => {
    expect(await upload(join(cli.directory, 'absent.zip'))).toMatchObject({ code: 2 })
    expect(await upload(cli.directory)).toMatchObject({ code: 2 })
    expect((await cli.run(['artifact', 'upload', 'nobody', file('a.zip', packageArchive({ version: '1' }))])).code).toBe(3)
  })
})

test('artifact list shows what was uploaded and what became of it, and artifact remove hides a version', async () => {
  await upload(file('one.zip', packageArchive({ version: '1.0.0' })))
  await upload(file('one-again.zip', packageArchive({ version: '1.0.0' }, { content: 'x' })), '--replace')
  await upload(file('two.tar', packageArchive({ version: '2.0.0' }, { format: 'tar' })))
  await upload(file('log.zip', packageArchive({ version: '1.0.0', name: 'acme/log' })))

  const removed = await cli.succeed(['artifact', 'remove', 'acme', 'acme/http', '2.0'])
  const again = await cli.run(['artifact', 'remove', 'acme', 'acme/http', '2.0'])
  const listed = await cli.succeed(['artifact', 'list', 'acme', '--package', 'acme/http', '--json'])
  const table = await cli.succeed(['artifact', 'list', 'acme'])
  const limited = await cli.succeed(['artifact', 'list', 'acme', '--limit', '1', '--json'])

  expect(removed.stdout).toContain('Removed acme/http 2.0.')
  expect(again.code).toBe(3)
  expect(listed.json<ArtifactDocument[]>().map(({ fileName, version, state }) => [fileName, version, state])).toEqual([
    ['one.zip', '1.0.0', 'replaced'],
    ['one-again.zip', '1.0.0', 'current'],
    ['two.tar', '2.0.0', 'removed'],
  ])
  expect(table.stdout).toMatch(/^PACKAGE +VERSION +STATE +UPLOADED +BYTES +FILE\n/)
  expect(table.stdout).toContain('acme/log')
  expect(limited.json<ArtifactDocument[]>()).toHaveLength(1)
})

test('without uploads the list says how to begin', async () => {
  expect((await cli.succeed(['artifact', 'list', 'acme'])).stdout).toContain('repertoire artifact upload acme <file>')
})

test('an uploaded package is deleted with its source', async () => {
  await upload(file('one.zip', packageArchive({ version: '1.0.0' })))

  await cli.succeed(['source', 'remove', 'acme', 'artifact://acme/http', '--yes'])

  expect((await cli.succeed(['package', 'list', 'acme', '--json'])).json<unknown[]>()).toEqual([])
})
