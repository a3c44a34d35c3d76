import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createGitKit, type GitKit } from '../../../test/kit/git-kit.ts'
import { createTestRepository, type TestCommit, type TestRepository } from '../../../test/kit/git-repository.ts'
import type { PathMatcher } from '../../core/kernel/ports.ts'

let kit: GitKit
let source: TestRepository

beforeEach(async () => {
  kit = await createGitKit()
  source = await createTestRepository()
})

afterEach(async () => {
  await kit.dispose()
  await source.remove()
})

const ANYWHERE: PathMatcher = { matchesFile: (path) => /(?:^|\/)wanted$/.test(path), mayContain: () => true }

async function mirror(...commits: TestCommit[]): Promise<string[]> {
  const ids = await source.commit(...commits)
  await source.setRefs(Object.fromEntries(ids.map((id, index) => [`refs/tags/${index}`, id])))
  await kit.fetch(source.url, { mirror: 'one' })
  return ids
}

function find(commits: readonly string[], change: Partial<PathMatcher> & { limit?: number } = {}) {
  const { limit = 100, ...matcher } = change
  return kit.git.findFiles({ mirror: 'one', commits, matcher: { ...ANYWHERE, ...matcher }, limit })
}

describe('files of many commits', () => {
  test('are found in the order of their paths, with size and kind', async () => {
    const [first = '', second = ''] = await mirror(
      { files: { 'b/wanted': 'four', 'a/deep/er/wanted': '1', wanted: '', 'a/other': 'x' } },
      { files: { 'b/wanted': 'four', link: 'x', 'c/wanted': { mode: '120000', data: 'x' } } },
    )
    const found = await find([second, first, second])

    expect(found.get(first)?.map(({ path, size }) => [path, size])).toEqual([
      ['a/deep/er/wanted', 1],
      ['b/wanted', 4],
      ['wanted', 0],
    ])
    expect(found.get(second)).toMatchObject([
      { path: 'b/wanted', mode: 'file' },
      { path: 'c/wanted', mode: 'symlink' },
    ])
    expect(found.get(second)?.[0]?.objectId).toBe(found.get(first)?.[1]?.objectId ?? '')
  })

  test('are not looked for in directories that cannot have one, in submodules, or under names that are no UTF-8', async () => {
    const submodule = { mode: '160000', data: '1'.repeat(40) }
    const [commit = ''] = await mirror({ files: { 'a/wanted': '', 'b/wanted': '', 'sub/wanted': submodule, keep: '' } })
    const looked: string[] = []
    const mayContain = (directory: string) => {
      looked.push(directory)
      return directory === 'a'
    }

    expect((await find([commit], { mayContain })).get(commit)?.map(({ path }) => path)).toEqual(['a/wanted'])
    expect(looked.sort()).toEqual(['a', 'b', 'sub'])
    expect((await find([commit])).get(commit)?.map(({ path }) => path)).toEqual(['a/wanted', 'b/wanted'])
  })

  test('abuse 8: are given up for a commit that has too many, and not for the others', async () => {
    const [many = '', few = ''] = await mirror(
      { files: { 'a/wanted': '', 'b/wanted': '', 'c/wanted': '' } },
      { files: { 'a/wanted': '' } },
    )
    const found = await find([many, few], { limit: 2 })

    expect(found.get(many)).toBeNull()
    expect(found.get(few)).toHaveLength(1)
  })

  test('are found at 400 commits of 30 packages without a process for each', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `p${index}`)
    const commits = Array.from({ length: 400 }, (_, round): TestCommit => {
      const files = names.map((name, index) => [`${name}/wanted`, index === round % 30 ? `round ${round}` : name] as const)
      return { files: Object.fromEntries(files) }
    })
    const ids = await mirror(...commits)
    const found = await find(ids)

    expect(found.size).toBe(400)
    expect([...found.values()].every((files) => files?.length === 30)).toBe(true)
  }, 30_000)
})

test('the files of a directory have paths relative to it', async () => {
  const [commit = ''] = await mirror({ files: { 'a b/ä/x': '1', 'a b/ä/y/z': '22', other: '' } })

  expect(await kit.git.listTree({ mirror: 'one', commit, directory: 'a b/ä', limit: 10 })).toMatchObject([
    { path: 'x', size: 1 },
    { path: 'y/z', size: 2 },
  ])
  await expect(kit.git.listTree({ mirror: 'one', commit, directory: 'a b/ä', limit: 1 })).rejects.toMatchObject({
    code: 'archive_too_large',
  })
  await expect(kit.git.listTree({ mirror: 'one', commit, directory: '--help', limit: 1 })).rejects.toMatchObject({
    code: 'source_invalid',
  })
})
