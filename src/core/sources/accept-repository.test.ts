import { describe, expect, test } from 'bun:test'
import { SYSTEM } from '../../../test/kit/app.ts'
import { createGitSource, memoryReport, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { findPackage, selectVersions } from '../packages/index.ts'
import { acceptRepository } from './accept-repository.ts'
import { requireSameRepository } from './require-same-repository.ts'
import { findSource } from './sources.sql.ts'
import { syncSource } from './sync-source.ts'

const tag = (commit: string) => ({ kind: 'tag' as const, commit })
const branch = (commit: string) => ({ kind: 'branch' as const, commit })

describe('CO-129 another repository under the same address', () => {
  test.each([
    ['one tag stays', [tag('a'), tag('b'), tag('c')], [tag('a'), tag('x'), branch('y')]],
    ['a tag became a branch', [tag('a'), tag('b'), tag('c')], [branch('c')]],
    ['the branch stays', [tag('a'), tag('b'), tag('c'), branch('d')], [branch('d')]],
    ['there were few tags', [tag('a'), tag('b'), branch('d')], [tag('x'), branch('y')]],
    ['nothing was known', [], [tag('x')]],
    ['nothing is left, which is another fault', [tag('a'), tag('b'), tag('c')], []],
  ])('CO-129 is none where %s', (_, known, present) => {
    expect(() => requireSameRepository(known, present)).not.toThrow()
  })

  test('CO-129 is refused, with everything as it was, until somebody accepts it', async () => {
    const repository = await temporaryRepository()
    const first = await repository.commit(
      packageCommit({}),
      packageCommit({ description: 'two' }),
      packageCommit({ description: 'three' }),
    )
    const [one = '', two = '', three = ''] = first
    await repository.setRefs({
      'refs/heads/main': three,
      'refs/tags/1.0.0': one,
      'refs/tags/1.1.0': two,
      'refs/tags/1.2.0': three,
    })
    const { app, organization, source } = await createGitSource(repository)
    app.leaveJobs()
    const sync = () => syncSource(app.ctx(SYSTEM), source.id, memoryReport())
    const shown = async () => {
      const target = (await findPackage(app.test.database.read, organization, 'acme/http'))!
      return (await selectVersions(app.test.database.read, target.id, 'stable')).map(({ version }) => version).sort()
    }
    const read = async () => (await findSource(app.test.database.read, source.id))!
    await sync()
    const [foreign = ''] = await repository.commit(packageCommit({ description: 'somebody else' }))
    await repository.setRefs({
      'refs/heads/main': foreign,
      'refs/tags/1.0.0': foreign,
      'refs/tags/1.1.0': null,
      'refs/tags/1.2.0': null,
      'refs/tags/9.9.9': foreign,
    })

    await expect(sync()).rejects.toMatchObject({ code: 'source_replaced' })
    expect(await shown()).toEqual(['1.0.0', '1.1.0', '1.2.0'])
    expect(await read()).toMatchObject({ state: 'failing', problemCode: 'source_replaced' })
    await acceptRepository(app.ctx(), await read())
    await sync()

    expect(await shown()).toEqual(['1.0.0', '9.9.9'])
    expect(await read()).toMatchObject({ state: 'ready', problemCode: null })
    expect(acceptRepository(app.ctx(), await read())).rejects.toMatchObject({ code: 'invalid_input' })
  })
})
