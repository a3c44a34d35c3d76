/** Organizations with their members, invitations and teams on the command line. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openApp } from '../../src/compose.ts'
import { readConfig } from '../../src/config.ts'
import { createUser } from '../../src/core/accounts/index.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture

beforeAll(async () => {
  cli = createCliFixture({ REPERTOIRE_URL: 'https://packages.example.com' })
  await cli.succeed(['org', 'create', 'acme', '--name', 'Acme Inc.'])
  const app = await openApp(readConfig(cli.env), { migrates: true, write: () => {} })
  const ctx = app.ctx({ kind: 'operator' }, { surface: 'test', address: null, agent: null, requestId: null })
  for (const name of ['anna', 'bert', 'carl']) {
    const person = { email: `${name}@example.com`, name, passwordHash: null, isOperator: false }
    await ctx.transaction((tx) => createUser(tx, person))
  }
  await app.close()
})
afterAll(() => cli.end())

const said = async (...line: string[]) => (await cli.succeed(line)).stdout
const document = async <Document>(...line: string[]) => (await cli.succeed([...line, '--json'])).json<Document>()
const code = async (...line: string[]) => (await cli.run(line)).code

describe('org', () => {
  test('a suborganization is created by its path, shown, and listed with it', async () => {
    expect(await said('org', 'create', 'acme/themes', '--name', 'Themes')).toContain(
      'https://packages.example.com/acme/themes/\n',
    )

    const paths = (await document<{ path: string }[]>('org', 'list')).map(({ path }) => path)
    expect(paths).toEqual(['acme', 'acme/themes'])
    expect(await said('org', 'show', 'acme/themes')).toContain('Members see:  all packages\n')
    expect(await code('org', 'create', 'acme/themes')).toBe(4)
    expect(await code('org', 'create', 'nobody/themes')).toBe(3)
    expect(await code('org', 'create', 'acme/a/b')).toBe(4)
    expect(await said('token', 'list', 'acme/themes')).toContain('has no tokens')
  })

  test('settings are changed one by one, the slug with a new address', async () => {
    await cli.succeed(['org', 'create', 'old', '--name', 'Old'])

    await cli.succeed(['org', 'set', 'old', '--description', 'Two\nlines\u202e', '--members-see', 'teams'])
    await cli.succeed(['org', 'set', 'old', '--slug', 'new'])

    const shown = await said('org', 'show', 'new')
    expect(shown).toContain('https://packages.example.com/new/')
    expect(shown).toContain('Two\nlines\\u{202e}')
    expect(await code('org', 'show', 'old')).toBe(3)
    expect(await code('org', 'set', 'new')).toBe(2)
    expect(await code('org', 'set', 'new', '--slug', 'acme')).toBe(4)
    expect(await code('org', 'set', 'new', '--members-see', 'some')).toBe(2)
  })

  test('deleting asks for the slug, and restoring brings everything back', async () => {
    await cli.succeed(['org', 'create', 'gone', '--owner', 'anna@example.com'])

    expect(await code('org', 'delete', 'gone')).toBe(2)
    expect(await code('org', 'delete', 'gone', '--confirm', 'acme')).toBe(1)
    const declined = await cli.run(['org', 'delete', 'gone'], { terminal: true, answers: ['yes'] })
    expect(declined.code).toBe(1)
    const deleted = await cli.run(['org', 'delete', 'gone'], { terminal: true, answers: ['gone'] })
    expect(deleted.code).toBe(0)
    expect(await code('org', 'show', 'gone')).toBe(3)
    expect(await code('org', 'create', 'gone')).toBe(4)

    const [waiting] = await document<{ uid: string; path: string }[]>('org', 'list', '--deleted')
    expect(waiting?.path).toBe('gone')
    await cli.succeed(['org', 'restore', waiting?.uid ?? ''])
    expect(await said('member', 'list', 'gone')).toMatch(/anna@example\.com +owner/)
    expect(await code('org', 'restore', waiting?.uid ?? '')).toBe(3)
  })
})

test('members are added, change their role and are removed; the last owner stays', async () => {
  await cli.succeed(['member', 'add', 'acme', 'anna@example.com', '--role', 'owner'])
  await cli.succeed(['member', 'add', 'acme', 'BERT@example.com'])
  expect(await code('member', 'add', 'acme', 'bert@example.com')).toBe(4)
  expect(await code('member', 'add', 'acme', 'nobody@example.com')).toBe(3)
  expect(await said('member', 'role', 'acme', 'bert@example.com', '--role', 'admin')).toBe('bert@example.com is admin of acme.\n')
  const last = await cli.run(['member', 'remove', 'acme', 'anna@example.com'])
  expect([last.code, last.stderr]).toEqual([4, expect.stringContaining('only owner')])
  await cli.succeed(['member', 'remove', 'acme', 'bert@example.com'])

  const members = await document<{ email: string; role: string }[]>('member', 'list', 'acme')

  expect(members).toMatchObject([{ email: 'anna@example.com', role: 'owner' }])
})

test('an invitation is printed as a link once, renewed and cancelled', async () => {
  const sent = await said('invitation', 'send', 'acme', 'new@example.com', '--role', 'admin')
  const [link = ''] = /https:\/\/packages\.example\.com\/app\/invitations\/[0-9a-f]{64}/.exec(sent) ?? []

  expect(link).not.toBe('')
  expect(await code('invitation', 'send', 'acme', 'new@example.com')).toBe(4)
  expect(await said('invitation', 'list', 'acme')).not.toContain(link.slice(-64))
  const renewed = await document<{ link: string; state: string }>('invitation', 'renew', 'acme', 'new@example.com')
  expect(renewed.link).not.toBe(link)
  await cli.succeed(['invitation', 'cancel', 'acme', 'new@example.com'])
  expect(await code('invitation', 'cancel', 'acme', 'new@example.com')).toBe(3)
  const states = (await document<{ state: string }[]>('invitation', 'list', 'acme')).map(({ state }) => state)
  expect(states).toEqual(['cancelled'])
})

test('a team has members, packages and permissions, and a role in suborganizations', async () => {
  const definition = JSON.stringify({ name: 'acme/meta', version: '1.0.0', type: 'metapackage' })
  await cli.succeed(['member', 'add', 'acme', 'carl@example.com'])
  await cli.succeed(['team', 'create', 'acme', 'Web', '--permissions', 'package.add'])
  await cli.succeed(['source', 'add-custom', 'acme', '-', '--no-wait'], { input: definition })

  await cli.succeed(['team', 'add-member', 'acme', 'Web', 'carl@example.com'])
  await cli.succeed(['team', 'add-package', 'acme', 'Web', 'acme/meta'])
  await cli.succeed(['team', 'assign', 'acme/themes', 'Web', '--role', 'admin'])
  await cli.succeed(['team', 'set', 'acme', 'Web', '--name', 'Frontend', '--permissions', 'package.edit'])

  expect(await document('team', 'show', 'acme', 'Frontend')).toMatchObject({
    permissions: ['package.edit'],
    allPackages: false,
    members: [{ email: 'carl@example.com' }],
    packages: ['acme/meta'],
    suborganizations: [{ slug: 'themes', role: 'admin' }],
  })
  expect(await said('team', 'list', 'acme')).toMatch(/Frontend +1 +1 +package\.edit/)
  expect(await code('team', 'add-package', 'acme', 'Frontend', 'acme/none')).toBe(3)
  expect(await code('team', 'create', 'acme', 'Frontend')).toBe(4)
  expect(await code('team', 'create', 'acme', 'x', '--permissions', 'all')).toBe(4)
  await cli.succeed(['team', 'unassign', 'acme/themes', 'Frontend'])
  await cli.succeed(['team', 'remove-package', 'acme', 'Frontend', 'acme/meta'])
  await cli.succeed(['team', 'remove-member', 'acme', 'Frontend', 'carl@example.com'])
  await cli.succeed(['team', 'delete', 'acme', 'Frontend'])
  expect(await said('team', 'list', 'acme')).toContain('has no teams')
})
