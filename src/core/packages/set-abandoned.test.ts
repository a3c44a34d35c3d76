import { expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import { findPackage } from './package-reading.sql.ts'
import { setAbandoned } from './set-abandoned.ts'

async function setUp() {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, name: 'acme/http' })
  return {
    app,
    organization,
    set: (abandoned: boolean | string) => setAbandoned(app.ctx(), { organization, name: 'Acme/HTTP', abandoned }),
    find: async () => (await findPackage(app.test.database.read, organization, 'acme/http'))!,
  }
}

test('CO-149 what a person says of a package stays, whatever its manifest says', async () => {
  const { app, organization, set, find } = await setUp()

  await set('acme/successor')
  for (const abandoned of [false, true, 'other/package']) {
    await buildPackage(app, {
      organization,
      name: 'acme/http',
      abandoned,
      versions: ['1.0.0', `2.${String(abandoned).length}.0`],
    })
    expect(await find()).toMatchObject({ abandoned: 'acme/successor', abandonedBy: 'person' })
  }
  await set(false)
  await buildPackage(app, { organization, name: 'acme/http', abandoned: true })

  expect(await find()).toMatchObject({ abandoned: false })
  expect(app.events.filter(({ type }) => type.startsWith('package.'))).toMatchObject([
    { type: 'package.created' },
    { type: 'package.abandoned', replacement: 'acme/successor' },
    { type: 'package.reinstated' },
  ])
})

test('CO-149 what a manifest says stays when it says nothing any more, and changes when it says something else', async () => {
  const { app, organization, find } = await setUp()

  await buildPackage(app, { organization, name: 'acme/http', abandoned: true })
  await buildPackage(app, { organization, name: 'acme/http', abandoned: false })
  expect(await find()).toMatchObject({ abandoned: true, abandonedBy: 'manifest' })

  await buildPackage(app, { organization, name: 'acme/http', abandoned: 'acme/next' })
  expect((await find()).abandoned).toBe('acme/next')
})

test('CO-040 each change moves the clock of the package', async () => {
  const { set, find } = await setUp()
  const before = await find()

  await set(true)

  expect((await find()).modifiedAt).toBeGreaterThan(before.modifiedAt)
})

test.each([
  'acme/http',
  'ACME/HTTP',
  'nonsense',
  'ext-redis',
  'javascript:alert(1)',
  'ftp://example.org/',
  'https://user:secret@example.org/',
  `a/${'b'.repeat(500)}`,
  '',
])('CO-149 %j replaces nothing', async (replacement) => {
  const { set } = await setUp()

  expect(set(replacement)).rejects.toMatchObject({ code: 'invalid_input', details: { field: 'replacement' } })
})

test('CO-149 an address may replace a package, and an unknown package is not found', async () => {
  const { app, organization, set } = await setUp()

  expect(await set(' https://example.org/move ')).toMatchObject({ abandoned: 'https://example.org/move' })
  expect(setAbandoned(app.ctx(), { organization, name: 'acme/none', abandoned: true })).rejects.toMatchObject({
    code: 'package_not_found',
  })
})
