import { expect, test } from 'bun:test'
import { createGitSource, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { refreshRendered } from './refresh-rendered.ts'

test('CO-041 after a change of the public URL, or of the feed of advisories, every Last-Modified is a later one, and only then', async () => {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({}))
  await repository.setRefs({ 'refs/heads/main': commit })
  const { app } = await createGitSource(repository)
  const read = async () => {
    const [target] = await app.test.database.read.selectFrom('packages').select('modified_at').execute()
    const [owner] = await app.test.database.read.selectFrom('organizations').select('modified_at').execute()
    return [target?.modified_at ?? 0, owner?.modified_at ?? 0] as const
  }
  await refreshRendered(app.ctx(), 'https://old.example.org')
  const before = await read()

  expect(await refreshRendered(app.ctx(), 'https://old.example.org')).toBe(false)
  expect(await read()).toEqual([...before])

  expect(await refreshRendered(app.ctx(), 'https://new.example.org')).toBe(true)
  const after = await read()
  expect(after[0]).toBeGreaterThan(before[0])
  expect(after[1]).toBeGreaterThan(before[1])

  const asking = { ...app.ctx(), advisoryFeed: 'https://advisories.example.org/' }
  expect(await refreshRendered(asking, 'https://new.example.org')).toBe(true)
  expect((await read())[0]).toBeGreaterThan(after[0])
})
