import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture

beforeAll(async () => {
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
  writeFileSync(
    join(cli.directory, 'satis.json'),
    JSON.stringify({
      'require-all': true,
      repositories: [
        { type: 'vcs', url: 'https://git.example.com/acme/a.git' },
        { type: 'composer', url: 'https://packages.example.com' },
      ],
    }),
  )
  writeFileSync(join(cli.directory, 'auth.json'), JSON.stringify({ bearer: { 'git.example.com': 'hunter2' } }))
})
afterAll(() => cli.end())

describe('import satis', () => {
  const line = () => [
    'import',
    'satis',
    join(cli.directory, 'satis.json'),
    '--organization',
    'acme',
    '--auth',
    join(cli.directory, 'auth.json'),
  ]

  test('--dry-run says what would happen, and nothing does', async () => {
    const planned = await cli.succeed([...line(), '--dry-run'])
    const listed = await cli.succeed(['source', 'list', 'acme', '--json'])

    expect(planned.stdout).toMatch(/^planned {2}vcs {7}https:\/\/git\.example\.com\/acme\/a\.git {2}bearer/m)
    expect(planned.stdout).toMatch(/^skipped {2}composer {2}https:\/\/packages\.example\.com.*needs a mirror/m)
    expect(planned.stdout).toMatch(/^require-all {2}this is always so/m)
    expect(planned.stdout + planned.stderr).not.toContain('hunter2')
    expect(listed.json<unknown>()).toEqual([])
  })

  test('adds the sources once, and is a document with --json', async () => {
    const added = await cli.succeed([...line(), '--json'])
    const again = await cli.succeed([...line(), '--json'])
    const listed = await cli.succeed(['source', 'list', 'acme', '--json'])

    expect(added.json<{ repositories: { outcome: string }[] }>().repositories.map(({ outcome }) => outcome)).toEqual([
      'added',
      'skipped',
    ])
    expect(again.json<{ repositories: { outcome: string }[] }>().repositories.map(({ outcome }) => outcome)).toEqual([
      'present',
      'skipped',
    ])
    expect(listed.json<unknown>()).toMatchObject([{ url: 'https://git.example.com/acme/a.git', hasCredential: true }])
  })

  test('a file that is not a satis.json, is absent, or has repositories that are refused ends with its own exit code', async () => {
    const path = join(cli.directory, 'other.json')
    writeFileSync(path, '{"repositories": [{"type": "vcs", "url": "ext::sh"}]}')

    const refused = await cli.run(['import', 'satis', path, '--organization', 'acme'])
    writeFileSync(path, '{"repositories": "secret"}')
    const malformed = await cli.run(['import', 'satis', path, '--organization', 'acme'])
    const absent = await cli.run(['import', 'satis', join(cli.directory, 'absent'), '--organization', 'acme'])
    const nobody = await cli.run(['import', 'satis', join(cli.directory, 'satis.json'), '--organization', 'nobody'])

    expect([refused.code, malformed.code, absent.code, nobody.code]).toEqual([4, 4, 2, 3])
    expect(malformed.stderr).not.toContain('secret')
  })
})
