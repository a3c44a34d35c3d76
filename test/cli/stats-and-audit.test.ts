import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture

beforeEach(async () => {
  cli = createCliFixture()
  await cli.succeed(['org', 'create', 'acme'])
})
afterEach(() => cli.end())

function today(days = 0): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
}

/** A package with downloads, as syncs and folds would have left them. */
function fill(): void {
  const database = new Database(`${cli.directory}/repertoire.db`)
  database.run(
    "INSERT INTO sources (id, uid, organization_id, kind, url, state, sync_revision, created_at, next_sync_at, overdue_syncs) VALUES (1, 's', 1, 'vcs', 'https://git.example.com/w.git', 'ready', 0, 1, 0, 0)",
  )
  database.run(
    "INSERT INTO packages (id, uid, organization_id, source_id, name, type, description, revision, modified_at, created_at) VALUES (1, 'p', 1, 1, 'acme/widgets', 'library', '', 1, 1, 1)",
  )
  const count = database.query('INSERT INTO download_counts (package_id, version, day, kind, count) VALUES (1, ?, ?, ?, ?)')
  count.run('1.0.0.0', today(), 'download', 3)
  count.run('2.0.0.0', today(-1), 'install', 2)
  count.run('2.0.0.0', today(-60), 'download', 7)
  database.run(
    `INSERT INTO audience_counts (package_id, day, audience, kind, count) VALUES (1, '${today()}', 'token:99', 'download', 3)`,
  )
  database.run(
    "INSERT INTO unknown_installs (organization_id, name, count, last_at) VALUES (1, 'acme/typo', 4, 1772366400000), (1, '', 9, 1772366400000)",
  )
  database.close()
}

describe('stats', () => {
  test('prints totals, and lines by day, version, token and unknown name', async () => {
    fill()

    const totals = await cli.succeed(['stats', 'acme'])
    const document = await cli.succeed(['stats', 'acme', '--package', 'acme/widgets', '--json'])
    const days = await cli.succeed(['stats', 'acme', '--by', 'day', '--since', today(-1)])
    const versions = await cli.succeed(['stats', 'acme', '--by', 'version', '--since', today(-100)])
    const tokens = await cli.succeed(['stats', 'acme', '--by', 'token', '--json'])
    const unknown = await cli.succeed(['stats', 'acme', '--by', 'unknown'])

    expect(totals.stdout).toMatch(/^Today: +3\nLast 7 days: +5\nLast 30 days: +5\nIn all: +12$/m)
    expect(document.json()).toMatchObject({ total: 12, lastDay: today(), range: { since: today(-29), until: today(), count: 5 } })
    expect(days.stdout).toBe(`DAY         COUNT\n${today(-1)}  2\n${today()}  3\n`)
    expect(versions.stdout).toBe('COUNT  VERSION\n9      acme/widgets 2.0.0.0\n3      acme/widgets 1.0.0.0\n')
    expect(tokens.json()).toMatchObject({ by: 'token', top: [{ key: 'token:99', count: 3 }] })
    expect(unknown.stdout).toMatch(/^9 .+\(all others\)\n4 .+acme\/typo$/m)
  })

  test('of nothing says so, and refuses what does not exist or is no day', async () => {
    expect((await cli.succeed(['stats', 'acme', '--by', 'package'])).stdout).toBe(
      'Nothing was downloaded or installed in this time.\n',
    )
    expect((await cli.succeed(['stats', 'acme', '--by', 'unknown'])).stdout).toContain('Every install')
    expect((await cli.run(['stats', 'none'])).code).toBe(3)
    expect((await cli.run(['stats', 'acme', '--package', 'acme/none'])).code).toBe(3)
    expect((await cli.run(['stats', 'acme', '--since', '2026-02-30'])).code).toBe(2)
    expect((await cli.run(['stats', 'acme', '--by', 'hour'])).code).toBe(2)
    expect((await cli.run(['stats', 'acme', '--by', 'day', '--since', '2026-03-02', '--until', '2026-03-01'])).code).toBe(4)
  })
})

describe('audit', () => {
  test('prints who did what, filtered, as a table, NDJSON, CSV and JSON', async () => {
    await cli.succeed(['org', 'create', 'other'])
    await cli.succeed(['token', 'create', 'acme', '--name', '=ci'])

    const table = await cli.succeed(['audit', 'acme'])
    const tokens = await cli.succeed(['audit', 'acme', '--type', 'token', '--actor', 'operator', '--json'])
    const lines = await cli.succeed(['audit', '--format', 'ndjson', '--since', today(-1)])
    const csv = await cli.succeed(['audit', 'acme', '--format', 'csv', '--limit', '1'])
    const none = await cli.succeed(['audit', 'acme', '--until', '2020-01-01'])

    expect(table.stdout).toMatch(
      /^TIME +TYPE +FROM +WHAT\n.+token\.created +cli +Somebody at the command line created the token =ci/,
    )
    expect(table.stdout).not.toContain('other')
    expect(tokens.json<unknown[]>()).toMatchObject([
      { type: 'token.created', organization: 'acme', actor: { kind: 'operator' }, data: { name: '=ci' } },
    ])
    const types = lines.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type)
    expect(types.filter((type) => type === 'organization.created')).toHaveLength(2)
    expect(csv.stdout.split('\r\n')).toHaveLength(3)
    expect(csv.stdout).toMatch(/^at,type,organization,actor_kind,actor,sentence,/)
    expect(none.stdout).toBe('There are no such events.\n')
  })

  test('refuses what it does not know', async () => {
    expect((await cli.run(['audit', 'none'])).code).toBe(3)
    expect((await cli.run(['audit', 'acme', '--type', 'tokens'])).code).toBe(4)
    expect((await cli.run(['audit', 'acme', '--actor', 'somebody'])).code).toBe(2)
    expect((await cli.run(['audit', 'acme', '--since', 'yesterday'])).code).toBe(2)
    expect((await cli.run(['audit', '--package', 'acme/widgets'])).code).toBe(2)
  })

  test('goes on with what happens until Ctrl-C', async () => {
    let interrupt = () => {}
    const following = cli.run(['audit', 'acme', '--follow'], { onStart: (press) => (interrupt = press) })
    for (let index = 0; index < 4; index += 1) {
      // It looks first at an unknown moment; what is recorded after that is printed.
      await Bun.sleep(400)
      await cli.succeed(['token', 'create', 'acme', '--name', 'late'])
    }
    interrupt()

    const { code, stdout } = await following

    expect(code).toBe(0)
    expect(stdout).toContain('created the token late')
    expect(stdout).not.toContain('organization')
  })
})
