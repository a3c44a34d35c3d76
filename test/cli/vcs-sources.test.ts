import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createHgRepository, type HgTestRepository } from '../kit/hg-repository.ts'
import { createSvnRepository, type SvnTestRepository } from '../kit/svn-repository.ts'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

let cli: CliFixture
let svn: SvnTestRepository
let hg: HgTestRepository

beforeAll(async () => {
  cli = createCliFixture({})
  svn = await createSvnRepository()
  await svn.commit({ 'trunk/composer.json': '{"name":"acme/in-svn"}' })
  await svn.copy('trunk', 'tags/1.0.0')
  hg = await createHgRepository()
  await hg.commit({ 'composer.json': '{"name":"acme/in-hg"}' })
  await cli.succeed(['org', 'create', 'acme'])
})
afterAll(async () => {
  cli.end()
  await svn.remove()
  await hg.remove()
})

async function showSource(url: string): Promise<unknown> {
  return JSON.parse((await cli.succeed(['source', 'show', 'acme', url, '--json'])).stdout)
}

describe('repositories that are not git', () => {
  test('are added with --vcs and found by any spelling of their URL', async () => {
    await cli.succeed(['source', 'add', 'acme', `${svn.url}/trunk`, '--vcs', 'svn'])
    await cli.succeed(['source', 'add', 'acme', `hg+${hg.url}`])

    for (const url of [svn.url, `${svn.url}/trunk/`, `svn+${svn.url}`]) {
      expect(await showSource(url)).toMatchObject({ kind: 'vcs', vcs: 'svn', url: svn.url, defaultBranch: 'trunk', versions: 2 })
    }
    expect(await showSource(hg.url)).toMatchObject({ vcs: 'hg', defaultBranch: 'default', versions: 1 })
    expect((await cli.succeed(['source', 'show', 'acme', svn.url])).stdout).toMatch(/System: +svn/)
  })

  test('a system that does not exist, or that the URL contradicts, is refused', async () => {
    const unknown = await cli.run(['source', 'add', 'acme', svn.url, '--vcs', 'cvs'])
    const contradicted = await cli.run(['source', 'add', 'acme', `hg+${hg.url}`, '--vcs', 'svn'])

    expect([unknown.code, contradicted.code]).toEqual([2, 4])
    expect(contradicted.stderr).toContain('it is an address for hg, not for svn')
  })
})
