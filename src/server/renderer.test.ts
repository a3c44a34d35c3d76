import { afterEach, beforeEach, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { createTestApp, type TestApp } from '../../test/kit/app.ts'
import { buildPackage } from '../../test/kit/build.ts'
import type { Audience, DocumentRequest } from '../core/catalog/index.ts'
import type { OrganizationId } from '../core/kernel/values.ts'
import { findOrganizationBySlug } from '../core/organizations/index.ts'
import { findPackage } from '../core/packages/index.ts'
import { openSqliteDatabase } from '../platform/db/database.ts'
import type { CompressedDocument } from '../surfaces/repository/document-store.ts'
import { createInlineRenderer, ThreadedRenderer } from './renderer.ts'

const LARGE = Array.from({ length: 80 }, (_, index) => `1.${index}.0`)
const REPOSITORY = 'https://example.org/acme'
const DATA = 'REPERTOIRE_DATA'

const renderers = new Set<ThreadedRenderer>()
let before: string | undefined

beforeEach(() => {
  before = process.env[DATA]
})

afterEach(() => {
  for (const renderer of renderers) {
    renderer.close()
  }
  renderers.clear()
  if (before === undefined) {
    delete process.env[DATA]
  } else {
    process.env[DATA] = before
  }
})

async function setUp() {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, name: 'acme/large', versions: LARGE })
  await buildPackage(app, { organization, name: 'acme/small', versions: ['1.0.0'] })
  const renderer = new ThreadedRenderer(app.ports.database.read, app.ports.log)
  renderers.add(renderer)
  return {
    app,
    organization,
    renderer,
    inline: createInlineRenderer(app.ports.database.read),
    large: await requestOf(app, organization, 'acme/large'),
    small: await requestOf(app, organization, 'acme/small'),
  }
}

async function requestOf(app: TestApp, organization: OrganizationId, name: string): Promise<DocumentRequest> {
  const target = await findPackage(app.ports.database.read, organization, name)
  if (target === null) {
    throw new Error(`There is no package ${name}.`)
  }
  return { package: target, kind: 'stable', repositoryUrl: REPOSITORY }
}

/** Gives the thread a copy of the database; `change` makes the copy tell itself apart. */
async function copyForThread(app: TestApp, change?: string): Promise<void> {
  const path = join(app.directory, 'repertoire.db')
  await sql`VACUUM INTO ${path}`.execute(app.ports.database.write)
  process.env[DATA] = app.directory
  if (change !== undefined) {
    const copy = openSqliteDatabase(path)
    await sql.raw(change).execute(copy.write)
    await copy.close()
  }
}

function read(document: CompressedDocument): string {
  return Buffer.from(Bun.gunzipSync(document.gzip as Uint8Array<ArrayBuffer>)).toString()
}

/** Whether a document has no versions, as those that are rendered of a copy without versions. */
function isOfCopy(document: CompressedDocument): boolean {
  return !read(document).includes('"version"')
}

test('a document rendered on the thread has the same bytes as one rendered inline', async () => {
  const { app, organization, renderer, inline, large } = await setUp()
  await copyForThread(app)
  const found = await findOrganizationBySlug(app.ports.database.read, 'acme')
  const audience = { organization: { ...found, id: organization }, packages: ['acme/l*'], view: 'acme/l*' } as Audience

  const threaded = await renderer.renderPackage(large)
  const direct = await inline.renderPackage(large)
  const root = await renderer.renderRoot(audience, REPOSITORY)

  expect(Buffer.compare(threaded.gzip, direct.gzip)).toBe(0)
  expect(Buffer.compare(threaded.zstd, direct.zstd)).toBe(0)
  expect(threaded.length).toBe(direct.length)
  expect(read(root)).toBe(read(await inline.renderRoot(audience, REPOSITORY)))
})

test('packages with many versions go to the thread, others do not', async () => {
  const { app, renderer, large, small } = await setUp()
  await copyForThread(app, 'DELETE FROM versions')

  expect(isOfCopy(await renderer.renderPackage(large))).toBe(true)
  expect(isOfCopy(await renderer.renderPackage(small))).toBe(false)
})

test('what a thread that ends was asked for is rendered inline, and the next one starts a new thread', async () => {
  const { app, renderer, large } = await setUp()
  await copyForThread(app, 'DELETE FROM versions')

  const asked = [renderer.renderPackage(large), renderer.renderPackage(large)]
  await Bun.sleep(1)
  renderer.close()
  const documents = await Promise.all(asked)
  const later = await renderer.renderPackage(large)

  expect(documents.map(isOfCopy)).toEqual([false, false])
  expect(isOfCopy(later)).toBe(true)
})

test('a thread that cannot start is reported, and the document is rendered inline', async () => {
  const { app, renderer, large } = await setUp()
  const file = join(app.directory, 'no-folder')
  writeFileSync(file, '')
  process.env[DATA] = file

  const document = await renderer.renderPackage(large)

  expect(isOfCopy(document)).toBe(false)
  expect(app.warnings.splice(0).join('')).toContain('The rendering thread failed.')
})
