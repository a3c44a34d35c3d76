import { expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { buildArchiveOf, buildPackage, commitId, packageIdOf } from '../../../test/kit/build.ts'
import { packageArchive } from '../../../test/kit/archives.ts'
import { createUploads } from '../../../test/kit/uploads.ts'
import { deletePackage } from './delete-package.ts'

test('PR-613 a deleted package takes its versions and archives with it, and moves the clock of the organization', async () => {
  const app = await createTestApp()
  const { id, modifiedAt } = await app.organization()
  await buildPackage(app, { organization: id })
  await buildPackage(app, { organization: id, name: 'acme/other' })
  const target = await packageIdOf(app, id)
  await buildArchiveOf(app, { package: target, reference: commitId('acme/http 1.0.0'), bytes: new Uint8Array([1]) })

  await deletePackage(app.ctx(), { organization: id, name: 'ACME/http' })

  const { read } = app.ports.database
  expect(await read.selectFrom('packages').select('name').execute()).toEqual([{ name: 'acme/other' }])
  for (const table of ['versions', 'dists'] as const) {
    expect(await read.selectFrom(table).select('id').where('package_id', '=', target).execute()).toEqual([])
  }
  const organization = await read.selectFrom('organizations').select('modified_at').executeTakeFirstOrThrow()
  expect(organization.modified_at).toBeGreaterThan(modifiedAt)
  expect(app.events.at(-1)).toMatchObject({ type: 'package.deleted', name: 'acme/http' })
  expect(deletePackage(app.ctx(), { organization: id, name: 'acme/http' })).rejects.toMatchObject({ code: 'package_not_found' })
})

test('of several who delete a package at once one does', async () => {
  const app = await createTestApp()
  const { id } = await app.organization()
  await buildPackage(app, { organization: id })

  const outcomes = await Promise.allSettled(
    Array.from({ length: 4 }, () => deletePackage(app.ctx(), { organization: id, name: 'acme/http' })),
  )

  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(app.events.filter(({ type }) => type === 'package.deleted')).toHaveLength(1)
})

test('an uploaded package takes its source with it, and can be uploaded anew', async () => {
  const { app, organization, upload, metadata } = await createUploads()
  await upload(packageArchive({ version: '1.0.0' }))

  await deletePackage(app.ctx(), { organization, name: 'acme/http' })

  expect(await app.ports.database.read.selectFrom('sources').select('id').execute()).toEqual([])
  await upload(packageArchive({ version: '1.0.0', description: 'Other.' }))
  expect((await metadata()).map(({ description }) => description)).toEqual(['Other.'])
})
