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
import type { DocumentRenderer } from '../surfaces/repository/document-store.ts'
import { compressDocument, compressPieces, createInlineRenderer, ThreadedRenderer } from './renderer.ts'
import type { CodedDocument } from '../surfaces/http/coded-document.ts'

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

async function render(renderer: DocumentRenderer, request: DocumentRequest): Promise<CodedDocument> {
  const document = await renderer.render({ kind: 'package', request })
  if (document === null) {
    throw new Error('Nothing was rendered.')
  }
  return document
}

function read(document: CodedDocument): string {
  return Buffer.from(Bun.gunzipSync(document.gzip as Uint8Array<ArrayBuffer>)).toString()
}

/** Whether a document has no versions, as those that are rendered of a copy without versions. */
function isOfCopy(document: CodedDocument): boolean {
  return !read(document).includes('"version"')
}

test('a document rendered on the thread has the same bytes as one rendered inline', async () => {
  const { app, organization, renderer, inline, large } = await setUp()
  await copyForThread(app)
  const found = await findOrganizationBySlug(app.ports.database.read, 'acme')
  const audience = {
    organization: { ...found, id: organization },
    visible: { globs: ['acme/l*'], teams: null, sources: null },
    view: 'acme/l*',
    origins: 'all',
  } as Audience

  const threaded = await render(renderer, large)
  const direct = await render(inline, large)
  const root = await renderer.render({ kind: 'root', request: { audience, repositoryUrl: REPOSITORY } })

  expect(Buffer.compare(threaded.gzip, direct.gzip)).toBe(0)
  expect(Buffer.compare(threaded.zstd, direct.zstd)).toBe(0)
  expect(threaded.length).toBe(direct.length)
  expect(root).toEqual(await inline.render({ kind: 'root', request: { audience, repositoryUrl: REPOSITORY } }))
})

test('packages with many versions go to the thread, others do not', async () => {
  const { app, renderer, large, small } = await setUp()
  await copyForThread(app, 'DELETE FROM versions')

  expect(isOfCopy(await render(renderer, large))).toBe(true)
  expect(isOfCopy(await render(renderer, small))).toBe(false)
})

test('what a thread that ends was asked for is rendered inline, and the next one starts a new thread', async () => {
  const { app, renderer, large } = await setUp()
  await copyForThread(app, 'DELETE FROM versions')

  const asked = [render(renderer, large), render(renderer, large)]
  await Bun.sleep(1)
  renderer.close()
  const documents = await Promise.all(asked)
  const later = await render(renderer, large)

  expect(documents.map(isOfCopy)).toEqual([false, false])
  expect(isOfCopy(later)).toBe(true)
})

test('a thread that cannot start is reported, and the document is rendered inline', async () => {
  const { app, renderer, large } = await setUp()
  const file = join(app.directory, 'no-folder')
  writeFileSync(file, '')
  process.env[DATA] = file

  const document = await render(renderer, large)

  expect(isOfCopy(document)).toBe(false)
  expect(app.warnings.splice(0).join('')).toContain('The rendering thread failed.')
})

test('a text that comes in pieces is compressed as the whole would be', async () => {
  const pieces = Array.from({ length: 3_000 }, (_, index) => `${index} ${'é€'.repeat(300)}\n`)

  const document = await compressPieces(
    (async function* () {
      yield* pieces
    })(),
  )

  const whole = compressDocument(pieces.join(''))
  expect(read(document)).toBe(pieces.join(''))
  expect(Buffer.from(Bun.zstdDecompressSync(document.zstd)).toString()).toBe(pieces.join(''))
  expect([document.length, document.hash]).toEqual([whole.length, whole.hash])
})

test('when a piece cannot be made, the document fails and nothing is left behind', async () => {
  const failing = (async function* () {
    yield 'x'.repeat(1_000_000)
    throw new Error('no such table')
  })()

  await expect(compressPieces(failing)).rejects.toThrow('no such table')
})

test('documents of many packages are rendered on the thread, with the same bytes', async () => {
  const { app, renderer, inline } = await setUp()
  await copyForThread(app)
  const organization = await findOrganizationBySlug(app.ports.database.read, 'acme')
  if (organization === null) {
    throw new Error('The organization is not there.')
  }
  const audience: Audience = { organization, visible: { globs: null, teams: null, sources: null }, view: '*', origins: 'all' }
  for (const kind of ['root', 'inline-root', 'legacy-root'] as const) {
    const order = { kind, request: { audience, repositoryUrl: REPOSITORY } }

    expect((await renderer.render(order))?.hash).toBe((await inline.render(order))?.hash ?? '')
  }
})
