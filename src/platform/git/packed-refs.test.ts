import { afterEach, beforeEach, expect, test } from 'bun:test'
import { createTestRepository, type TestRepository } from '../../../test/kit/git-repository.ts'
import { readPackedRefs, writePackedRefs } from './packed-refs.ts'

let repository: TestRepository

beforeEach(async () => {
  repository = await createTestRepository()
})

afterEach(() => repository.remove())

test('refs are written as git reads them, in whatever order they come', async () => {
  const [commit = ''] = await repository.commit({ files: { a: 'a' } })
  const names = [
    'refs/tags/b',
    'refs/tags/a-b',
    'refs/tags/a/b',
    'refs/tags/a',
    'refs/heads/x',
    `refs/tags/${'n'.repeat(3000)}`,
    'refs/tags/\u{c3}\u{9f}',
    'refs/tags/\u{ff}',
  ]

  await writePackedRefs(repository.directory, new Map(names.map((name) => [name, commit])))

  const listed = (await repository.git(['for-each-ref', '--format=%(refname)'])).split('\n')
  expect(listed).toHaveLength(names.length)
  expect(await readPackedRefs(repository.directory)).toEqual(new Map(names.toSorted().map((name) => [name, commit])))
  for (const name of ['refs/tags/a', 'refs/tags/a-b', 'refs/tags/a/b'])
    expect(await repository.git(['rev-parse', '--verify', name])).toBe(commit)
})

test('what git packed itself is read too, and a repository without the file has none', async () => {
  expect((await readPackedRefs(repository.directory)).size).toBe(0)
  const [commit = ''] = await repository.commit({ files: { a: 'a' } })
  await repository.git(['-c', 'user.name=a', '-c', 'user.email=b@c', 'tag', '-a', '-m', 'x', 'v1', commit])
  await repository.git(['pack-refs', '--all'])

  expect([...(await readPackedRefs(repository.directory)).keys()]).toEqual(['refs/tags/v1'])
})
