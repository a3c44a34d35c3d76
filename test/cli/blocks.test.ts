import { afterEach, beforeEach, expect, test } from 'bun:test'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture
beforeEach(async () => {
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

test('versions are put on a list, listed, and taken from it', async () => {
  const added = await cli.succeed(['block', 'add', 'acme', 'acme/http', '--versions', '<1.2', '--reason', 'loses data', '--json'])
  await cli.succeed(['block', 'add', 'acme', 'acme/log', '--list', 'our-policy'])
  const { uid } = added.json<{ uid: string }>()

  const table = await cli.succeed(['block', 'list', 'acme'])
  const one = (await cli.succeed(['block', 'list', 'acme', '--list', 'blocked', '--json'])).json<object[]>()
  const removed = await cli.succeed(['block', 'remove', 'acme', uid])
  const gone = await cli.run(['block', 'remove', 'acme', uid])
  const reserved = await cli.run(['block', 'add', 'acme', 'acme/http', '--list', 'abandoned'])

  expect((await cli.succeed(['block', 'feeds', 'acme'])).stdout).toContain('No lists of others are read.')
  expect(added.json<object>()).toMatchObject({ list: 'blocked', package: 'acme/http', versions: '<1.2', reason: 'loses data' })
  expect(table.stdout).toMatch(/our-policy +acme\/log +\*/)
  expect(one).toHaveLength(1)
  expect(removed.stdout).toContain('acme/http <1.2 is no longer on the list blocked.')
  expect([gone.code, reserved.code]).toEqual([3, 4])
})

test('options of a repository are shown and changed', async () => {
  const before = (await cli.succeed(['repository', 'options', 'acme', '--json'])).json<object>()
  const changed = await cli.succeed(['repository', 'set', 'acme', '--hide-sources', 'always', '--block-malware', 'no'])
  const nothing = await cli.run(['repository', 'set', 'acme'])
  const wrong = await cli.run(['repository', 'set', 'acme', '--hide-sources', 'sometimes'])

  expect(before).toEqual({
    archiveUrls: 'registry',
    hiddenSources: 'mirrored',
    blocksMalware: true,
    audits: true,
    auditNotices: true,
  })
  expect(changed.stdout).toMatch(/Hidden sources: +always/)
  expect(changed.stdout).toMatch(/Blocks malware: +no/)
  expect([nothing.code, wrong.code]).toEqual([2, 2])
})

test('CO-011 messages are added, listed and taken back', async () => {
  const empty = await cli.succeed(['message', 'list', 'acme'])
  const line = ['message', 'add', 'acme', 'Composer 1 ends in May.', '--versions', '<2', '--json']
  const { uid, kind } = (await cli.succeed(line)).json<{ uid: string; kind: string }>()
  await cli.succeed(['message', 'add', 'acme', 'Ask Anna.', '--info'])
  const list = await cli.succeed(['message', 'list', 'acme'])
  const wrong = await cli.run(['message', 'add', 'acme', 'Hello', '--versions', 'new'])
  await cli.succeed(['message', 'remove', 'acme', uid])
  const left = (await cli.succeed(['message', 'list', 'acme', '--json'])).json<{ message: string }[]>()

  expect(empty.stdout).toContain('There are no messages.')
  expect(kind).toBe('warning')
  expect(list.stdout).toMatch(/warning +<2 +Composer 1 ends in May\./)
  expect(wrong.code).toBe(4)
  expect(left.map(({ message }) => message)).toEqual(['Ask Anna.'])
})
