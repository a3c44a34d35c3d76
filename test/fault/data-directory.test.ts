/** Abuse 56: two processes on one data directory. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createOrganization, createToken } from '../../src/core/access/index.ts'
import { DataDirectoryInUse, lockData, tryLockData } from '../../src/platform/db/data-lock.ts'
import { scratchDirectory } from '../kit/database.ts'
import { configOf, lineReader, openInstallation, operatorCtx } from './installation.ts'
import { READ_SCOPES } from '../../src/core/kernel/scopes.ts'

const CHILD = join(import.meta.dir, 'data-child.ts')
const TRANSACTIONS = 200

let data: string
beforeEach(() => {
  data = scratchDirectory('data')
})
afterEach(() => rmSync(data, { recursive: true, force: true }))

function startChild(...order: string[]) {
  const child = Bun.spawn([process.execPath, CHILD, ...order], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' })
  return { child, lines: lineReader(child.stdout) }
}

test('a second server is refused and told of the first; once that is killed the next one gets the directory at once', async () => {
  for (let round = 0; round < 3; round += 1) {
    const { child, lines } = startChild('hold', data)
    expect(await lines.next()).toBe('held')

    expect(() => lockData(data)).toThrow(DataDirectoryInUse)
    expect(() => lockData(data)).toThrow(`Another server (process ${child.pid}) works on ${data}.`)
    expect(tryLockData(data)).toBeNull()
    const second = startChild('hold', data)
    expect(await second.child.stderr.text()).toContain('Stop it first')
    expect(await second.child.exited).not.toBe(0)

    child.kill('SIGKILL')
    await child.exited
    lockData(data).release()
  }
})

test('the lock is not held up by an ordinary process that only uses the database', async () => {
  const app = await openInstallation(configOf(data))
  const lock = lockData(data)

  await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })

  lock.release()
  await app.close()
})

test('a command beside a running server writes with it, and of hundreds of transactions none is lost or refused', async () => {
  const app = await openInstallation(configOf(data))
  const lock = lockData(data)
  const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
  const { child, lines } = startChild('write', data, String(TRANSACTIONS), 'theirs')
  expect(await lines.next()).toBe('ready')

  await child.stdin.write('go\n')
  await child.stdin.flush()
  let isDone = false
  const done = lines.next().finally(() => {
    isDone = true
  })
  let ours = 0
  for (; !isDone || ours < TRANSACTIONS; ours += 1) {
    await createToken(operatorCtx(app), {
      organization,
      name: `ours ${ours}`,
      scopes: READ_SCOPES,
      packages: null,
      expiresAt: null,
    })
    // Lets the other process be heard.
    await Bun.sleep(0)
  }
  expect(await done).toBe('go done')
  expect(await child.exited).toBe(0)
  expect(await child.stderr.text()).toBe('')

  const db = app.ports.database.read
  const tokens = await db.selectFrom('tokens').select(['id', 'name']).orderBy('id').execute()
  const names = (owner: string, count: number) => Array.from({ length: count }, (_, index) => `${owner} ${index}`)
  expect(tokens.map((token) => token.name).sort()).toEqual([...names('ours', ours), ...names('theirs', TRANSACTIONS)].sort())
  const events = await db.selectFrom('events').select('data').where('type', '=', 'token.created').execute()
  const recorded = events.map((event) => (JSON.parse(event.data) as { token: number }).token)
  expect(recorded.sort((a, b) => a - b)).toEqual(tokens.map((token) => Number(token.id)))
  // Both wrote at the same time, not one after the other.
  const owners = tokens.map((token) => token.name.split(' ')[0])
  expect(owners.lastIndexOf('theirs')).toBeGreaterThan(owners.indexOf('ours'))
  expect(owners.lastIndexOf('ours')).toBeGreaterThan(owners.indexOf('theirs'))
  lock.release()
  await app.close()
}, 60_000)
