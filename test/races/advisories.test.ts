/** Two processes compare packages with advisories while advisories and packages change. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  addAdvisory,
  importAdvisories,
  listFindings,
  requestFindings,
  scanPackages,
  withdrawAdvisory,
} from '../../src/core/advisories/index.ts'
import { deletePackage, uploadArtifact } from '../../src/core/sources/index.ts'
import { packageArchive, streamOf } from '../kit/archives.ts'
import { memoryReport } from '../kit/git-source.ts'
import { createCorePair, type CorePair, type Side } from './core-kit.ts'

const PACKAGES = 12
const ROUNDS = 6
const OPEN = { states: ['open'], kinds: null, severities: null, packageName: null, isMirrored: null } as const

describe.each(['sqlite', 'postgres'] as const)('on %s', (kind) => {
  let pair: CorePair

  beforeEach(async () => {
    pair = await createCorePair(kind)
    for (let number = 0; number < PACKAGES; number += 1) {
      await upload(pair.left, number, '1.0.0')
    }
  }, 30_000)

  afterEach(() => pair.end())

  async function upload(side: Side, number: number, version: string): Promise<void> {
    const required = { [`acme/p${(number + 1) % PACKAGES}`]: '^1.0', 'x/lib': '^1.0' }
    const bytes = packageArchive({ name: `acme/p${number}`, version, require: required })
    await uploadArtifact(side.ctx(), {
      organization: pair.organization,
      content: streamOf(bytes),
      fileName: 'p.zip',
      expected: { name: null, version: null },
      onExisting: 'refuse',
      sha256: null,
    })
  }

  async function findings(): Promise<string[]> {
    const page = await listFindings(pair.left.ctx(), pair.organization, { filter: OPEN, limit: 500, before: null })
    return page.findings
      .map(({ packageName, affectedPackage, advisory, versions }) =>
        [packageName, affectedPackage, advisory.advisoryId, ...versions].join(' '),
      )
      .toSorted()
  }

  test('what is found piece by piece in the midst of it is what one comparison of everything finds, without repetitions', async () => {
    const scan = (side: Side) => scanPackages(side.system(), memoryReport())
    const repeat = async (work: (round: number) => Promise<unknown>) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        await work(round)
      }
    }

    await Promise.all([
      repeat(() => scan(pair.left)),
      repeat(() => scan(pair.right)),
      repeat((round) => importAdvisories(pair.left.ctx(), { text: toDatabase(round), isComplete: true })),
      repeat(() => requestFindings(pair.right.ctx(), pair.organization)),
      repeat((round) => addAndWithdraw(pair, round)),
      repeat((round) => upload(pair.right, round, `1.${round + 1}.0`)),
      deletePackage(pair.left.ctx(), { organization: pair.organization, name: `acme/p${PACKAGES - 1}` }),
    ])
    await scan(pair.left)
    const incremental = await findings()
    const { write } = pair.left.ports.database
    for (const table of ['findings', 'package_scans', 'required_names'] as const) {
      await write.deleteFrom(table).execute()
    }
    await scan(pair.right)

    expect(incremental.length).toBeGreaterThan(PACKAGES)
    expect(new Set(incremental).size).toBe(incremental.length)
    expect(incremental).toEqual(await findings())
  }, 60_000)
})

/** A database in which each round tells something else about every package. */
function toDatabase(round: number): string {
  const names = ['x/lib', ...Array.from({ length: PACKAGES }, (_, number) => `acme/p${number}`)]
  const advisories = names.map((name, number) => {
    const advisoryId = `X-${number}-${(number + round) % 2}`
    return [name, [{ advisoryId, packageName: name, affectedVersions: '<1.3', title: `Round ${round}` }]]
  })
  return JSON.stringify({ advisories: Object.fromEntries(advisories) })
}

async function addAndWithdraw({ left, organization }: CorePair, round: number): Promise<void> {
  const content = { affectedVersions: '<2.0', title: 'A problem', link: null, cve: null, severity: null, reportedAt: null }
  const packageName = `acme/p${round}`
  const { advisoryId } = await addAdvisory(left.ctx(), { ...content, organization, packageName, isConfirmed: false })
  if (round % 2 === 0) {
    await withdrawAdvisory(left.ctx(), { organization, advisoryId })
  }
}
