/** Git repositories of packages, small enough to be built in one process each. */
import { createTestRepository, type TestCommit, type TestFile, type TestRepository } from '../../kit/git-repository.ts'

export interface PackageRepository extends TestRepository {
  /** The commit that each ref was created with. */
  commits: Readonly<Record<string, string>>
}

/** A commit of a package whose file `CONTENT` says what it is, so that a test sees what was really installed. */
export function packageCommit(
  name: string,
  content: string,
  more: { manifest?: Readonly<Record<string, unknown>>; files?: Readonly<Record<string, TestFile>> } = {},
): TestCommit {
  const manifest = { name, description: `The package ${name}`, license: 'MIT', ...more.manifest }
  return { files: { 'composer.json': JSON.stringify(manifest), CONTENT: content, ...more.files }, message: content }
}

/** A repository with one unrelated commit for each ref (`tags/1.0.0`, `heads/main`). */
export async function createPackageRepository(refs: Readonly<Record<string, TestCommit>>): Promise<PackageRepository> {
  const repository = await createTestRepository()
  const ids = await repository.commit(...Object.values(refs))
  const commits = Object.fromEntries(Object.keys(refs).map((ref, index) => [ref, ids[index] ?? '']))
  await repository.setRefs(Object.fromEntries(Object.entries(commits).map(([ref, id]) => [`refs/${ref}`, id])))
  return { ...repository, commits }
}

/** A package whose tags are given with what they require; `main` is as the last of them. */
export async function createReleases(
  name: string,
  releases: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<PackageRepository> {
  const refs: Record<string, TestCommit> = {}
  for (const [tag, required] of Object.entries(releases)) {
    const commit = packageCommit(name, `${name} ${tag}`, { manifest: { require: required } })
    refs[`tags/${tag}`] = commit
    refs['heads/main'] = packageCommit(name, `${name} main`, { manifest: { require: required } })
  }
  return createPackageRepository(refs)
}
