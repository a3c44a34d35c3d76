import { afterAll, beforeAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

const PASSWORD = 'a long enough one'

let cli: CliFixture

beforeAll(() => {
  cli = createCliFixture({ REPERTOIRE_URL: 'https://packages.example.com' })
})
afterAll(() => cli.end())

interface UserDocument {
  uid: string
  email: string
  state: string
  link: string | null
}

test('a person is added with a link that is printed once, or with a password that never is', async () => {
  writeFileSync(join(cli.directory, 'password'), `${PASSWORD}\n`)

  const linked = await cli.succeed(['user', 'create', 'Ada@Example.com', '--name', 'Ada'])
  const operator = await cli.succeed([
    'user',
    'create',
    'root@example.com',
    '--operator',
    '--password-file',
    join(cli.directory, 'password'),
    '--json',
  ])
  const piped = await cli.succeed(['user', 'create', 'eve@example.com', '--password-stdin'], { input: `${PASSWORD}\n` })

  expect(linked.stdout).toMatch(/https:\/\/packages\.example\.com\/app\/reset-password\/[\w-]{43}\n/)
  expect(operator.json<UserDocument>()).toMatchObject({ email: 'root@example.com', state: 'operator', link: null })
  expect(piped.stdout + piped.stderr).not.toContain(PASSWORD)
  const list = (await cli.succeed(['user', 'list', '--json'])).json<UserDocument[]>()
  expect(list.map(({ email, state }) => [email, state])).toEqual([
    ['ada@example.com', 'active'],
    ['root@example.com', 'operator'],
    ['eve@example.com', 'active'],
  ])
  expect((await cli.succeed(['user', 'list', '--limit', '1'])).stdout).toContain('ada@example.com')
})

test('a taken address, a weak password and somebody unknown are refused', async () => {
  const taken = await cli.run(['user', 'create', 'ada@example.com'])
  const weak = await cli.run(['user', 'create', 'weak@example.com', '--password-stdin'], { input: 'password123\n' })
  const unknown = await cli.run(['user', 'show', 'nobody@example.com', '--json'])

  expect([taken.code, weak.code, unknown.code]).toEqual([4, 4, 3])
  expect(JSON.parse(unknown.stderr)).toMatchObject({ error: { code: 'user_not_found' } })
})

test('a person is disabled, enabled, signed out and given a new link', async () => {
  const state = async (command: string) =>
    (await cli.succeed(['user', command, 'ada@example.com', '--json'])).json<UserDocument>()

  expect((await state('disable')).state).toBe('disabled')
  expect((await state('disable')).state).toBe('disabled')
  expect((await state('enable')).state).toBe('active')
  expect((await state('promote')).state).toBe('operator')
  expect((await state('demote')).state).toBe('active')
  expect((await state('reset-password')).link).toMatch(/\/app\/reset-password\/[\w-]{43}$/)
  expect(await state('sign-out')).toMatchObject({ ended: 0 } as never)
  expect((await cli.succeed(['user', 'show', 'ada@example.com'])).stdout).toMatch(
    /State: +active\nSecond factors: +none\nSessions: +0/,
  )
  expect((await cli.run(['user', 'remove-second-factor', 'ada@example.com'])).code).toBe(3)
})

test('a person is deleted after a question, or with --yes', async () => {
  const kept = await cli.run(['user', 'delete', 'eve@example.com'], { terminal: true, answers: ['n'] })
  const silent = await cli.run(['user', 'delete', 'eve@example.com'])
  const gone = await cli.run(['user', 'delete', 'eve@example.com', '--yes'])

  expect([kept.code, silent.code, gone.code]).toEqual([1, 2, 0])
  expect((await cli.run(['user', 'show', 'eve@example.com'])).code).toBe(3)
})

test('without a public address the printed link is called a guess', async () => {
  const created = await cli.succeed(['user', 'reset-password', 'ada@example.com'], { env: { REPERTOIRE_URL: undefined } })

  expect(created.stdout).toContain('http://localhost:8080/app/reset-password/')
  expect(created.stdout).toContain('The address is a guess')
})
