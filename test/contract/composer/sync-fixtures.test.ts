/**
 * The recorded repositories once more, this time as real git repositories that go through fetch, refs, manifests and
 * record: what lands in the database must be what the import decides about the same refs, which import.test.ts holds against
 * Composer's own verdict.
 */
import { expect, test } from 'bun:test'
import { importReferences } from '../../../src/composer/index.ts'
import { addSource, syncSource } from '../../../src/core/sources/index.ts'
import { createTestApp, SYSTEM, type TestApp } from '../../kit/app.ts'
import { fixturePath } from '../../kit/fixtures.ts'
import { rebuildFixture } from '../../kit/git-repository.ts'
import { keepUntilEnd, memoryReport } from '../../kit/git-source.ts'
import { readRepository, REPOSITORIES, toImportInput } from './repository-fixture.ts'

interface Row {
  ref: string
  name: string
  version: string
  normalized: string
  reference: string
  time: string | null
  defaultBranch: boolean
}

async function readRows(app: TestApp): Promise<Row[]> {
  const rows = await app.test.database.read
    .selectFrom('versions')
    .innerJoin('packages', 'packages.id', 'versions.package_id')
    .select(['ref', 'packages.name', 'version', 'normalized', 'reference', 'time', 'default_branch'])
    .execute()
  return rows.map(({ default_branch, ...row }) => ({ ...row, defaultBranch: default_branch === 1 })).sort(byRef)
}

function byRef(left: { ref: string }, right: { ref: string }): number {
  return left.ref < right.ref ? -1 : 1
}

const TIMEOUT = 30_000

test.each(REPOSITORIES)(
  '%s is synced as it is imported',
  async (name) => {
    const { repository, commits } = await rebuildFixture(fixturePath(`repositories/${name}.json`))
    keepUntilEnd(repository)
    const app = await createTestApp({ git: true })
    app.leaveJobs()
    const { id: organization } = await app.organization()
    const expected = importReferences(toImportInput(readRepository(name)))

    const { source } = await addSource(app.ctx(), { organization, url: repository.url, credential: null })
    const syncing = syncSource(app.ctx(SYSTEM), source.id, memoryReport())

    if (expected.versions.length === 0) {
      expect(syncing).rejects.toMatchObject({ code: 'source_invalid' })
      await syncing.catch(() => {})
      return
    }
    await syncing
    expect(await readRows(app)).toEqual(
      expected.versions
        .map((version) => ({
          ref: version.ref,
          name: String(version.name),
          version: version.version,
          normalized: version.normalized,
          reference: commits.get(version.reference) ?? '',
          time: version.time,
          defaultBranch: version.isDefaultBranch,
        }))
        .sort(byRef),
    )
    const skipped = await app.test.database.read
      .selectFrom('source_refs')
      .select(['kind', 'name', 'skip_code as code'])
      .where('skip_code', 'is not', null)
      .execute()
    expect(skipped.map(({ kind, name: ref, code }) => `refs/${kind === 'tag' ? 'tags' : 'heads'}/${ref} ${code}`).sort()).toEqual(
      expected.skipped.map(({ ref, code }) => `${ref} ${code}`).sort(),
    )
  },
  TIMEOUT,
)
