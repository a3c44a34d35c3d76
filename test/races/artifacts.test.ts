/** Uploads that arrive at once in two processes over one database. */
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { isDomainError } from '../../src/core/kernel/errors.ts'
import {
  getSource,
  listArtifacts,
  listSources,
  removeArtifact,
  removeSource,
  uploadArtifact,
} from '../../src/core/sources/index.ts'
import { packageArchive, streamOf } from '../kit/archives.ts'
import { createCorePair, type CorePair, type Side } from './core-kit.ts'

const ROUNDS = 8

const sha1 = (bytes: Uint8Array) => createHash('sha1').update(bytes).digest('hex')

/** The code of the expected failure, or what the call returned. Bugs are thrown. */
async function outcome(work: Promise<{ outcome: string } | void>): Promise<string> {
  try {
    return (await work)?.outcome ?? 'done'
  } catch (error) {
    if (isDomainError(error)) {
      return error.code
    }
    throw error
  }
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (kind) => {
  let pair: CorePair
  let sides: Side[]

  beforeEach(async () => {
    pair = await createCorePair(kind)
    sides = [pair.left, pair.right, pair.left, pair.right]
  })

  afterEach(() => pair.end())

  function upload(side: Side, bytes: Uint8Array, onExisting: 'refuse' | 'replace' = 'refuse') {
    return uploadArtifact(side.ctx(), {
      organization: pair.organization,
      content: streamOf(bytes),
      fileName: 'http.zip',
      expected: { name: null, version: null },
      onExisting,
      sha256: null,
    })
  }

  async function shown(version: string) {
    const { items } = await listArtifacts(pair.left.ctx(), {
      organization: pair.organization,
      name: 'acme/http',
      page: { limit: 500, after: null },
    })
    return items.filter((one) => one.version === version)
  }

  test('abuse 22: of uploads of one version with different bytes exactly one wins', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const version = `1.0.${round}`
      const archives = sides.map((_, index) => packageArchive({ version }, { content: `${round} ${index}` }))

      const results = await Promise.all(sides.map((side, index) => outcome(upload(side, archives[index] ?? archives[0]!))))

      expect(results.toSorted()).toEqual(['published', 'version_exists', 'version_exists', 'version_exists'])
      const winner = archives[results.indexOf('published')]!
      expect(await shown(version)).toMatchObject([{ state: 'current', reference: sha1(winner) }])
      expect(await pair.left.ports.blobs.verify(createHash('sha256').update(winner).digest('hex'))).toBe('intact')
    }
  })

  test('abuse 22: uploads of the same bytes all succeed and publish once', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const version = `2.0.${round}`
      const bytes = packageArchive({ version })

      const results = await Promise.all(sides.map((side) => outcome(upload(side, bytes))))

      expect(results.toSorted()).toEqual(['published', 'unchanged', 'unchanged', 'unchanged'])
      expect(await shown(version)).toHaveLength(1)
    }
  })

  test('replacements at once leave one current archive and all of them known', async () => {
    await upload(pair.left, packageArchive({ version: '1.0.0' }))
    for (let round = 0; round < ROUNDS; round += 1) {
      const archives = sides.map((_, index) => packageArchive({ version: '1.0.0' }, { content: `${round} ${index}` }))

      const results = await Promise.all(sides.map((side, index) => outcome(upload(side, archives[index]!, 'replace'))))

      expect(results).toEqual(['replaced', 'replaced', 'replaced', 'replaced'])
      const uploads = await shown('1.0.0')
      expect(uploads).toHaveLength(1 + (round + 1) * sides.length)
      expect(uploads.filter(({ state }) => state === 'current')).toHaveLength(1)
    }
  })

  test('first uploads of one package make one source; a removal at the same moment takes all or nothing', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const versions = sides.map((_, index) => packageArchive({ version: `1.${round}.${index}` }))
      const { items } = await listSources(pair.left.ctx(), { organization: pair.organization, page: { limit: 9, after: null } })
      const [existing] = items
      const removal =
        existing === undefined
          ? []
          : [
              outcome(
                getSource(pair.right.ctx(), { organization: pair.organization, uid: existing.uid }).then((source) =>
                  removeSource(pair.right.ctx(), source),
                ),
              ),
            ]

      const results = await Promise.all([...sides.map((side, index) => outcome(upload(side, versions[index]!))), ...removal])

      expect(results.slice(0, 4)).toEqual(['published', 'published', 'published', 'published'])
      const after = await listSources(pair.left.ctx(), { organization: pair.organization, page: { limit: 9, after: null } })
      const { rows } = await countOrphans()
      expect(after.items.length).toBeLessThanOrEqual(1)
      expect(rows).toBe(0)
    }
  })

  async function countOrphans(): Promise<{ rows: number }> {
    const rows = await pair.left.ports.database.write
      .selectFrom('packages')
      .leftJoin('sources', 'sources.id', 'packages.source_id')
      .select('packages.id')
      .where('sources.id', 'is', null)
      .execute()
    return { rows: rows.length }
  }

  test('a version that is removed while it is replaced ends in one of the two states', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const version = `3.0.${round}`
      const [first, second] = ['first', 'second'].map((content) => packageArchive({ version }, { content }))
      await upload(pair.left, first!)

      const removal = removeArtifact(pair.right.ctx(), { organization: pair.organization, name: 'acme/http', version })
      const results = await Promise.all([outcome(upload(pair.left, second!, 'replace')), outcome(removal)])

      expect(results).toEqual(['replaced', 'done'])
      const states = (await shown(version)).map(({ state }) => state)
      expect([
        ['replaced', 'removed'],
        ['replaced', 'current'],
      ]).toContainEqual(states)
    }
  })
})
