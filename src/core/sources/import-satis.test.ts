import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { importSatis, type ImportedRepository } from './import-satis.ts'
import { readSatis } from './read-satis.ts'

const SATIS = {
  repositories: [
    { type: 'vcs', url: 'https://git.example.com/acme/a.git' },
    { type: 'vcs', url: 'https://git.example.com/acme/a.git/' },
    { type: 'git', url: 'git@git.example.com:acme/b.git' },
    { type: 'vcs', url: 'https://user:inline@other.example.com/c.git' },
    { type: 'vcs', url: 'https://third.example.com:8443/d.git' },
    { type: 'vcs', url: '../local' },
    { type: 'vcs', url: 'ext::sh -c whoami' },
    { type: 'svn', url: 'https://svn.example.com/e' },
    { type: 'composer', url: 'https://packagist.example' },
    { type: 'package', package: { name: 'acme/lib', version: '1.0.0', dist: { type: 'zip', url: 'https://x.example/lib.zip' } } },
    {
      type: 'package',
      package: { name: 'acme/broken', version: '1.0.0', dist: { type: 'zip', url: 'ftp://x.example/lib.zip' } },
    },
  ],
}
const AUTH = {
  'http-basic': {
    'git.example.com': { username: 'deploy', password: 'hunter2' },
    'third.example.com': { username: 'x', password: 'y' },
  },
}

async function start() {
  const app = await createTestApp()
  app.leaveJobs()
  const organization = (await app.organization()).id
  const satis = readSatis(JSON.stringify(SATIS), JSON.stringify(AUTH))
  const run = (mode: 'plan' | 'apply') => importSatis(app.ctx(), { organization, satis, sshKey: null, mode })
  const sources = () => app.ports.database.read.selectFrom('sources').select(['url', 'kind']).orderBy('id').execute()
  return { app, organization, run, sources }
}

function outcomes(report: readonly ImportedRepository[]): string[] {
  return report.map(({ outcome, url }) => `${outcome} ${url}`)
}

describe('importing a satis.json', () => {
  test('adds every repository once, and says of the others why not', async () => {
    const { run, sources, app } = await start()

    const report = await run('apply')

    expect(outcomes(report)).toEqual([
      'added https://git.example.com/acme/a.git',
      'present https://git.example.com/acme/a.git',
      'added git@git.example.com:acme/b.git',
      'added https://other.example.com/c.git',
      'added https://third.example.com:8443/d.git',
      'skipped ../local',
      'refused ext::sh -c whoami',
      'added https://svn.example.com/e',
      'skipped https://packagist.example',
      'added acme/lib',
      'refused acme/broken',
    ])
    expect((await sources()).map(({ kind }) => kind).filter((kind) => kind === 'custom')).toHaveLength(1)
    expect(app.events.filter(({ type }) => type === 'source.added').length).toBe((await sources()).length)
  })

  test('a second run changes nothing', async () => {
    const { run, sources } = await start()
    await run('apply')
    const before = await sources()

    const again = await run('apply')

    expect(await sources()).toEqual(before)
    expect(again.filter(({ outcome }) => outcome === 'added')).toEqual([])
  })

  test('a plan decides the same and writes nothing', async () => {
    const { run, sources, app } = await start()
    const events = app.events.length

    const plan = await run('plan')

    expect(await sources()).toEqual([])
    expect(app.events.length).toBe(events)
    const applied = await run('apply')
    const outcomesOf = (report: readonly ImportedRepository[]): string[] => report.map(({ outcome }) => outcome)
    expect(outcomesOf(plan).map((outcome) => outcome.replace('planned', 'added'))).toEqual(outcomesOf(applied))
  })

  test('a credential is stored for its own host and port only, and never told', async () => {
    const { run, app } = await start()

    const report = await run('apply')
    const stored = await app.ports.database.read.selectFrom('credentials').select(['origin', 'username']).orderBy('id').execute()

    expect(stored).toEqual([
      { origin: 'https://git.example.com', username: 'deploy' },
      { origin: 'https://other.example.com', username: 'user' },
    ])
    expect(report.map(({ credential }) => credential).filter((kind) => kind !== null)).toEqual(['basic', 'basic'])
    expect(JSON.stringify(report)).not.toMatch(/hunter2|inline/)
  })

  test('one who may not add sources is refused before anything is read', async () => {
    const { app, organization } = await start()
    const satis = readSatis('{}', null)

    const importing = importSatis(app.ctx({ kind: 'anonymous' }), { organization, satis, sshKey: null, mode: 'plan' })

    await expect(importing).rejects.toThrow('A valid token is required.')
  })
})
