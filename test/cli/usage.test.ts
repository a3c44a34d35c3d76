import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../../package.json'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture

beforeAll(() => {
  cli = createCliFixture()
})
afterAll(() => cli.end())

test('without a command the help is printed and the exit code is 2', async () => {
  const result = await cli.run([])

  expect(result.code).toBe(2)
  expect(result.stderr).toContain('Usage: repertoire')
  expect(result.stdout).toBe('')
})

test('the version and the help go to the output', async () => {
  expect(await cli.run(['--version'])).toMatchObject({ code: 0, stdout: `${manifest.version}\n` })
  expect(await cli.run(['--help'])).toMatchObject({ code: 0, stderr: '' })
})

const COMMANDS = [
  ['serve'],
  ['setup'],
  ['org', 'create'],
  ['org', 'list'],
  ['token', 'create'],
  ['token', 'list'],
  ['token', 'revoke'],
  ['source', 'add'],
  ['source', 'list'],
  ['source', 'show'],
  ['source', 'sync'],
  ['source', 'remove'],
  ['package', 'list'],
  ['package', 'show'],
  ['job', 'list'],
  ['job', 'show'],
  ['job', 'retry'],
  ['stats'],
  ['audit'],
  ['doctor'],
]

test.each(COMMANDS.map((command) => [command]))('%p has help with an example', async (command) => {
  const help = await cli.run([...command, '--help'])

  expect(help.code).toBe(0)
  expect(help.stdout).toMatch(new RegExp(`Examples?:\\n  \\$ repertoire ${command.join(' ')}`))
})

test.each([
  [['frobnicate']],
  [['org']],
  [['org', 'frobnicate']],
  [['org', 'create']],
  [['org', 'create', 'a', 'b']],
  [['org', 'list', '--frobnicate']],
  [['org', 'list', '--limit', '0']],
  [['token', 'create', 'acme']],
  [['token', 'create', 'acme', '--name', 'x', '--access', 'admin']],
  [['source', 'remove', 'acme']],
])('%p is wrong use', async (line) => {
  const text = await cli.run(line)
  const json = await cli.run([...line, '--json'])

  expect([text.code, text.stdout]).toEqual([2, ''])
  expect(text.stderr).toMatch(/error: .*Add --help to see how it is used\.\n$/s)
  expect([json.code, json.stdout]).toEqual([2, ''])
  expect(JSON.parse(json.stderr)).toMatchObject({ error: { code: 'usage' } })
})

test('settings that are not valid are named', async () => {
  const result = await cli.run(['org', 'list'], { env: { REPERTOIRE_PORT: 'many', REPERTOIRE_COLOUR: 'red' } })

  expect(result.code).toBe(2)
  expect(result.stderr).toContain('REPERTOIRE_COLOUR is not a setting')
  expect(result.stderr).toContain('REPERTOIRE_PORT')
  expect(result.stderr).not.toContain('at readConfig')
})

test('the stack of an error is shown only when the log level is debug', async () => {
  const plain = await cli.run(['token', 'list', 'nobody'])
  const debug = await cli.run(['token', 'list', 'nobody'], { env: { REPERTOIRE_LOG_LEVEL: 'debug' } })

  expect(plain.stderr).toBe('error: There is no such organization.\n')
  expect(debug.stderr).toContain('get-organization.ts')
})

test('a wrong secret key is a failure with advice', async () => {
  await cli.succeed(['org', 'list'])

  const result = await cli.run(['org', 'list', '--json'], { env: { REPERTOIRE_SECRET_KEY: 'ab'.repeat(32) } })

  expect(result.code).toBe(1)
  expect(JSON.parse(result.stderr)).toMatchObject({ error: { code: 'wrong_secret_key' } })
})

test('a database server that does not answer is unavailable', async () => {
  const result = await cli.run(['org', 'list'], { env: { REPERTOIRE_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' } })

  expect(result.code).toBe(5)
})

test('a file that is no database is unavailable', async () => {
  const other = createCliFixture()
  writeFileSync(join(other.directory, 'repertoire.db'), 'This is not a database. '.repeat(100))
  chmodSync(other.directory, 0o700)

  const result = await other.run(['org', 'list', '--json'])
  other.end()

  expect(result.code).toBe(5)
  expect(JSON.parse(result.stderr)).toMatchObject({ error: { code: 'storage_unavailable' } })
})
