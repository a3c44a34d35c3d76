import { expect, test } from 'bun:test'
import { createGitSource, packageCommit, temporaryRepository } from '../../../test/kit/git-source.ts'
import { getPackage, listPackages } from './list-packages.ts'

async function acme() {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit({ description: 'HTTP' }))
  await repository.setRefs({ 'refs/heads/main': commit, 'refs/tags/1.0.0': commit })
  return createGitSource(repository)
}

test('a package is shown with its versions to whoever may see it', async () => {
  const { app, organization } = await acme()
  const { actor } = await app.token(organization, 'read', ['acme/*'])

  const listed = await listPackages(app.ctx(actor), { organization, limit: 10, afterName: '' })
  const { package: found, versions } = await getPackage(app.ctx(actor), { organization, name: 'ACME/http' })

  expect(listed).toMatchObject([{ name: 'acme/http', versions: 2 }])
  expect(found.description).toBe('HTTP')
  expect(versions.map((version) => version.version)).toEqual(['dev-main', '1.0.0'])
})

test('a package outside a token’s patterns does not exist for it', async () => {
  const { app, organization } = await acme()
  const { actor } = await app.token(organization, 'read', ['other/*'])

  expect(await listPackages(app.ctx(actor), { organization, limit: 10, afterName: '' })).toEqual([])
  expect(getPackage(app.ctx(actor), { organization, name: 'acme/http' })).rejects.toMatchObject({ code: 'package_not_found' })
})

test('a token of another organization is refused', async () => {
  const { app, organization } = await acme()
  const other = await app.organization('other')
  const { actor } = await app.token(other.id)

  expect(listPackages(app.ctx(actor), { organization, limit: 10, afterName: '' })).rejects.toMatchObject({ kind: 'forbidden' })
})
