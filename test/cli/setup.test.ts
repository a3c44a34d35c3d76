import { afterEach, beforeEach, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

const PASSWORD = 'a long enough password'

let cli: CliFixture

beforeEach(() => {
  cli = createCliFixture({ REPERTOIRE_URL: 'https://packages.example.com' })
})
afterEach(() => cli.end())

interface SetupDocument {
  user: { email: string; name: string }
  organization: { slug: string; name: string }
  repository: string
  token: { name: string; access: string; token: string } | null
}

const OWNER = ['setup', '--email', 'Ada@Example.com', '--organization', 'acme']

test('everything can be asked for on a terminal, and no password is shown', async () => {
  const answers = [
    'not an address',
    'ada@example.com',
    'Ada',
    'short',
    PASSWORD,
    'another password',
    PASSWORD,
    PASSWORD,
    'acme',
    'Acme Inc.',
    '',
    '',
  ]

  const result = await cli.run(['setup'], { terminal: true, answers })

  expect(result.code).toBe(0)
  expect(result.stderr).toContain('this is not an e-mail address')
  expect(result.stderr).toContain('The two are different.')
  expect(result.stderr).toContain('Created the owner ada@example.com and the organization acme.')
  expect(result.stdout).toContain('"url": "https://packages.example.com/acme/"')
  expect(result.stdout).toMatch(/composer config --global --auth http-basic\.packages\.example\.com token rpt_\w{46}\n/)
  expect(result.stderr).not.toContain(PASSWORD)
  expect(result.stderr).not.toContain('another password')
})

test.each([
  ['standard input', ['--password-stdin']],
  ['a file', ['--password-file', 'password']],
  ['an environment variable', ['--password-env', 'OWNER_PASSWORD']],
])('without a terminal the password comes from %s', async (_, options) => {
  writeFileSync(join(cli.directory, 'password'), `${PASSWORD}\n`)
  const line = options.map((option) => (option === 'password' ? join(cli.directory, option) : option))

  const result = await cli.succeed([...OWNER, ...line, '--token', 'composer', '--json'], {
    input: `${PASSWORD}\n`,
    env: { OWNER_PASSWORD: PASSWORD },
  })

  expect(result.stderr).toBe('')
  expect(result.json<SetupDocument>()).toMatchObject({
    user: { email: 'ada@example.com' },
    organization: { slug: 'acme', name: 'acme' },
    repository: 'https://packages.example.com/acme/',
    token: { name: 'composer', access: 'read', token: expect.stringMatching(/^rpt_\w{46}$/) },
  })
})

test('without a terminal everything that is missing is named', async () => {
  const result = await cli.run(['setup', '--email', 'ada@example.com'])

  expect(result.code).toBe(2)
  expect(result.stderr).toContain('--password-stdin, --password-file or --password-env, and --organization')
})

test('an installation is set up once', async () => {
  await cli.succeed([...OWNER, '--password-stdin'], { input: PASSWORD })

  const again = await cli.run([...OWNER, '--password-stdin', '--json'], { input: PASSWORD })

  expect(again.code).toBe(4)
  expect(JSON.parse(again.stderr)).toMatchObject({ error: { code: 'setup_not_open' } })
})

test('a password that is too short is refused and nothing is created', async () => {
  const refused = await cli.run([...OWNER, '--password-stdin'], { input: 'short' })
  const list = await cli.succeed(['org', 'list', '--json'])

  expect(refused.code).toBe(4)
  expect(list.json<unknown>()).toEqual([])
})

test('the end of the input at a question ends the command', async () => {
  const result = await cli.run(['setup'], { terminal: true, input: '\u0004' })

  expect(result.code).toBe(130)
})
