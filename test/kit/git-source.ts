/** A git repository with a package, a test app, and the source that publishes one from the other. */
import { afterEach } from 'bun:test'
import { addSource, syncSource, type Source, type SyncOutcome } from '../../src/core/sources/index.ts'
import type { JobReport } from '../../src/core/kernel/jobs.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { createTestApp, SYSTEM, type TestApp } from './app.ts'
import { createTestRepository, type TestCommit, type TestFile, type TestRepository } from './git-repository.ts'

const repositories = new Set<TestRepository>()

afterEach(async () => {
  for (const repository of repositories) {
    await repository.remove()
  }
  repositories.clear()
})

/** An empty repository that is removed when the test ends. */
export async function temporaryRepository(): Promise<TestRepository> {
  const repository = await createTestRepository()
  repositories.add(repository)
  return repository
}

/** Removes a repository built elsewhere when the test ends. */
export function keepUntilEnd(repository: TestRepository): TestRepository {
  repositories.add(repository)
  return repository
}

/** A commit of a package: its manifest and further files. */
export function packageCommit(
  manifest: Record<string, unknown>,
  files: Record<string, TestFile> = {},
  rest: Partial<TestCommit> = {},
): TestCommit {
  return { files: { 'composer.json': JSON.stringify({ name: 'acme/http', ...manifest }), ...files }, ...rest }
}

/** A report that is kept in memory. */
export function memoryReport(): JobReport & { steps: string[]; lines: string[] } {
  const steps: string[] = []
  const lines: string[] = []
  return {
    steps,
    lines,
    async step(name) {
      steps.push(name)
    },
    progress() {},
    log(level, line) {
      lines.push(`${level}: ${line}`)
    },
  }
}

export interface GitSource {
  app: TestApp
  organization: OrganizationId
  source: Source
  repository: TestRepository
  sync(): Promise<SyncOutcome | null>
}

/** Adds the repository as a source of a new organization and syncs it once through its job. */
export async function createGitSource(repository: TestRepository, app?: TestApp): Promise<GitSource> {
  const used = app ?? (await createTestApp({ git: true }))
  const { id: organization } = await used.organization()
  const { source } = await addSource(used.ctx(), { organization, url: repository.url, credential: null })
  await used.runJobs()
  return {
    app: used,
    organization,
    source,
    repository,
    sync: () => syncSource(used.ctx(SYSTEM), source.id, memoryReport()),
  }
}

/** The versions of a package as metadata shows them, sorted by their normalized form. */
export async function publishedVersions(app: TestApp, name = 'acme/http') {
  return app.test.database.read
    .selectFrom('versions')
    .innerJoin('packages', 'packages.id', 'versions.package_id')
    .select(['versions.version', 'versions.reference', 'versions.default_branch as isDefault'])
    .where('packages.name', '=', name)
    .where('removed_at', 'is', null)
    .orderBy('normalized')
    .execute()
}
