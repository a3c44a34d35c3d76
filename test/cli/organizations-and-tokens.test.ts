import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture

beforeAll(async () => {
  cli = createCliFixture({ REPERTOIRE_URL: 'https://packages.example.com' })
  await cli.succeed(['org', 'create', 'acme', '--name', 'Acme Inc.'])
})
afterAll(() => cli.end())

interface TokenDocument {
  uid: string
  name: string
  state: string
  packages: string[] | null
  expiresAt: string | null
  token?: string
  commands?: string[]
}

describe('org', () => {
  test('a new organization is listed with its slug and name', async () => {
    await cli.succeed(['org', 'create', 'umbrella', '--json'])

    const list = await cli.succeed(['org', 'list', '--json'])
    const table = await cli.succeed(['org', 'list'])

    expect(list.json<{ slug: string; name: string }[]>().map(({ slug, name }) => [slug, name])).toEqual([
      ['acme', 'Acme Inc.'],
      ['umbrella', 'umbrella'],
    ])
    expect(table.stdout).toMatch(/^SLUG {6}CREATED +NAME\nacme {6}\d{4}-\d\d-\d\d \d\d:\d\d UTC {2}Acme Inc\.\n/)
  })

  test('--limit cuts a list and --json may stand anywhere', async () => {
    const list = await cli.succeed(['--json', 'org', 'list', '--limit', '1'])

    expect(list.json<unknown[]>()).toHaveLength(1)
  })

  test('a taken slug is a conflict, an impossible one is refused', async () => {
    const taken = await cli.run(['org', 'create', 'acme'])
    const impossible = await cli.run(['org', 'create', '../etc', '--json'])

    expect([taken.code, taken.stdout, taken.stderr]).toEqual([4, '', 'error: An organization named "acme" exists already.\n'])
    expect([impossible.code, impossible.stdout]).toEqual([4, ''])
    expect(JSON.parse(impossible.stderr)).toMatchObject({ error: { code: 'invalid_input' } })
  })
})

describe('token', () => {
  test('a new token is shown once with the commands for Composer, and never again', async () => {
    const created = await cli.succeed(['token', 'create', 'acme', '--name', 'ci'])
    const secret = /rpt_\w{46}/.exec(created.stdout)?.[0] ?? 'none'

    const listed = await cli.succeed(['token', 'list', 'acme'])

    expect(created.stdout).toContain('composer config repositories.acme composer https://packages.example.com/acme/\n')
    expect(created.stdout).toContain(`composer config --global --auth http-basic.packages.example.com token ${secret}\n`)
    expect(created.stdout).not.toContain('secure-http')
    expect(listed.stdout).not.toContain(secret)
    expect(listed.stdout).toContain(secret.slice(-4))
  })

  test('packages and expiry limit a token', async () => {
    const before = Date.now()

    const created = (
      await cli.succeed([
        'token',
        'create',
        'acme',
        '--name',
        'limited',
        '--packages',
        'acme/*,other/one',
        '--expires',
        '30d',
        '--json',
      ])
    ).json<TokenDocument>()

    expect(created.packages).toEqual(['acme/*', 'other/one'])
    expect(Date.parse(created.expiresAt ?? '')).toBeWithin(before + 30 * 86_400_000, Date.now() + 30 * 86_400_000 + 1)
    expect(created.token).toMatch(/^rpt_/)
    expect(created.commands).toHaveLength(2)
  })

  test.each([['tomorrow'], ['2027-02-30'], ['0d'], ['30'], ['2027-01-01T99:00:00Z']])(
    'an expiry of %s is wrong use',
    async (expiry) => {
      const refused = await cli.run(['token', 'create', 'acme', '--name', 'x', '--expires', expiry])

      expect(refused.code).toBe(2)
      expect(refused.stderr).toContain('Give a duration such as')
    },
  )

  test('an expiry in the past is refused', async () => {
    expect((await cli.run(['token', 'create', 'acme', '--name', 'x', '--expires', '2001-01-01'])).code).toBe(2)
  })

  test('scopes and addresses limit a token, and a scope that there is not is wrong use', async () => {
    const line = ['token', 'create', 'acme', '--name', 'office', '--from', '192.0.2.0/24', '--scopes']

    const created = await cli.succeed([...line, 'composer,package:read', '--json'])
    const refused = await cli.run([...line, 'composer,nonsense'])

    expect(created.json()).toMatchObject({ scopes: ['composer', 'package:read'], addresses: ['192.0.2.0/24'], access: 'read' })
    expect(refused.code).toBe(2)
    expect(refused.stderr).toContain('"nonsense" is no scope')
  })

  test('a rotated token has a new secret, and the old one an end', async () => {
    const before = await cli.succeed(['token', 'create', 'acme', '--name', 'turning', '--json'])

    const after = await cli.succeed(['token', 'rotate', 'acme', 'turning', '--overlap', '2h', '--json'])
    const refused = await cli.run(['token', 'rotate', 'acme', 'turning', '--overlap', '31d'])

    const [old, renewed] = [before, after].map((result) => result.json<TokenDocument & { previousUntil: string | null }>())
    expect(renewed?.uid).toBe(old?.uid ?? '')
    expect(renewed?.token).toMatch(/^rpt_/)
    expect(renewed?.token).not.toBe(old?.token)
    expect(Date.parse(renewed?.previousUntil ?? '') - Date.now()).toBeWithin(7_100_000, 7_200_001)
    expect(refused.code).toBe(4)
  })

  test('a token is revoked by its name, and by its uid when the name is not enough', async () => {
    await cli.succeed(['token', 'create', 'acme', '--name', 'twin'])
    await cli.succeed(['token', 'create', 'acme', '--name', 'twin'])

    const ambiguous = await cli.run(['token', 'revoke', 'acme', 'twin'])
    const uids = ambiguous.stderr.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? []
    const byUid = await cli.succeed(['token', 'revoke', 'acme', uids[0] ?? '', '--json'])
    const byName = await cli.succeed(['token', 'revoke', 'acme', 'twin', '--json'])
    const gone = await cli.run(['token', 'revoke', 'acme', 'twin'])

    expect(ambiguous.code).toBe(4)
    expect(uids).toHaveLength(2)
    expect([byUid, byName].map((result) => result.json<TokenDocument>())).toMatchObject([
      { uid: uids[0], state: 'revoked' },
      { uid: uids[1], state: 'revoked' },
    ])
    expect(gone.code).toBe(3)
  })

  test('an organization that does not exist is not found', async () => {
    const missing = await cli.run(['token', 'list', 'nobody', '--json'])

    expect(missing.code).toBe(3)
    expect(JSON.parse(missing.stderr)).toEqual({
      error: { code: 'organization_not_found', message: 'There is no such organization.' },
    })
  })

  test('without a public address the one that is printed is called a guess', async () => {
    const created = await cli.succeed(['token', 'create', 'acme', '--name', 'local'], { env: { REPERTOIRE_URL: undefined } })

    expect(created.stdout).toContain('http://localhost:8080/acme/')
    expect(created.stdout).toContain('composer config secure-http false')
    expect(created.stdout).toContain('The address is a guess')
  })
})
