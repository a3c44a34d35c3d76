/** Clients of two processes over one database who ask for the same packages of an upstream at once. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { addMirror, obtainMirroredPackage, refreshMirror, type Mirror } from '../../src/core/mirrors/index.ts'
import { publishPackages } from '../../src/core/packages/index.ts'
import { memoryReport } from '../kit/git-source.ts'
import { temporaryUpstream, type Upstream } from '../kit/upstream-server.ts'
import { createCorePair, type CorePair, type Side } from './core-kit.ts'

const NAMES = Array.from({ length: 6 }, (_, index) => `vendor/package-${index}`)

describe.each(['sqlite', 'postgres'] as const)('on %s', (kind) => {
  let pair: CorePair
  let sides: Side[]
  let upstream: Upstream
  let mirror: Mirror

  beforeEach(async () => {
    upstream = await temporaryUpstream({
      packages: Object.fromEntries(NAMES.map((name) => [name, ['1.0.0', '1.1.0', 'dev-main']])),
      latency: 20,
    })
    pair = await createCorePair(kind)
    sides = [pair.left, pair.right, pair.left, pair.right]
    mirror = (await addMirror(pair.left.ctx(), { organization: pair.organization, url: upstream.url })).mirror
    await pair.runJobs()
  })

  afterEach(() => pair.end())

  function obtain(side: Side, name: string) {
    return obtainMirroredPackage(side.system(), { organization: pair.organization, name, onlyOpen: false })
  }

  function countVersions() {
    return pair.left.ports.database.read
      .selectFrom('versions')
      .innerJoin('packages', 'packages.id', 'versions.package_id')
      .select(({ fn }) => ['packages.name', fn.countAll<number>().as('versions')])
      .groupBy('packages.name')
      .orderBy('packages.name')
      .execute()
  }

  test('abuse 32 each package is asked for once, and is there once', async () => {
    const obtained = await Promise.all(sides.flatMap((side) => NAMES.map((name) => obtain(side, name))))

    expect(obtained.map((one) => one?.name)).toEqual([...NAMES, ...NAMES, ...NAMES, ...NAMES])
    for (const name of NAMES) expect(upstream.count(`/p2/${name}.json`)).toBe(1)
    expect((await countVersions()).map(({ versions }) => Number(versions))).toEqual([3, 3, 3, 3, 3, 3])
  }, 20_000)

  test('a refresh beside clients who ask, and versions that appear meanwhile', async () => {
    await Promise.all(NAMES.slice(0, 3).map((name) => obtain(pair.left, name)))
    for (const name of NAMES) upstream.setVersions(name, ['1.0.0', '1.2.0'])

    await Promise.all([
      refreshMirror(pair.left.system(), mirror.id, memoryReport()),
      refreshMirror(pair.right.system(), mirror.id, memoryReport()),
      ...sides.flatMap((side) => NAMES.map((name) => obtain(side, name))),
    ])
    await refreshMirror(pair.left.system(), mirror.id, memoryReport())

    const live = await pair.left.ports.database.read
      .selectFrom('versions')
      .select(['package_id', 'version'])
      .where('removed_at', 'is', null)
      .orderBy('package_id')
      .orderBy('version')
      .execute()
    expect(live.map(({ version }) => version)).toEqual(NAMES.flatMap(() => ['1.0.0', '1.2.0']))
  }, 20_000)

  test('abuse 33 a private package that appears while its name is fetched wins, whoever is first', async () => {
    const [name = ''] = NAMES
    const source = await privateSource(pair)
    const publish = () =>
      pair.right.system().transaction(async (tx) => {
        await tx.record({ type: 'source.synced', organization: pair.organization, source, versions: 0, skipped: 0 })
        const own = { name, type: 'library', description: '', abandoned: false, versions: [] }
        return publishPackages(tx, { organization: pair.organization, source, packages: [own] })
      })

    await Promise.allSettled([obtain(pair.left, name), publish(), obtain(pair.right, name)])

    const rows = await pair.left.ports.database.read.selectFrom('packages').select(['name', 'source_id']).execute()
    expect(rows).toEqual([{ name, source_id: source }])
  }, 20_000)
})

async function privateSource({ left, organization }: CorePair) {
  const row = {
    uid: left.ports.newId(),
    organization_id: organization,
    kind: 'vcs' as const,
    url: 'https://git.example.org/private.git',
    credential_id: null,
    state: 'ready' as const,
    default_branch: 'main',
    sync_revision: 1,
    problem_code: null,
    problem: null,
    synced_at: 0,
    created_at: 0,
  }
  const inserted = await left.ports.database.write.insertInto('sources').values(row).returning('id').executeTakeFirstOrThrow()
  return inserted.id
}
