/** Composer installs archives that were uploaded, in every format and layout that this machine's PHP can unpack. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageArchive } from '../kit/archives.ts'
import { createProject } from './kit/composer.ts'
import { startRegistry, type Registry } from './kit/registry.ts'

let registry: Registry
let token: string
let files: string

beforeAll(async () => {
  registry = await startRegistry()
  await registry.cli('org', 'create', 'acme')
  token = await registry.token('acme')
  files = join(registry.directory, 'uploads')
  mkdirSync(files)
}, 60_000)
afterAll(() => registry.end(), 20_000)
beforeEach(() => registry.proxy.reset())

function save(name: string, bytes: Uint8Array): string {
  const path = join(files, name)
  writeFileSync(path, bytes)
  return path
}

async function upload(path: string, ...options: string[]): Promise<{ sha1: string }> {
  return registry.cli<{ sha1: string }>('artifact', 'upload', 'acme', path, ...options)
}

/** A tree with an executable file and one whose path does not fit into the oldest headers, packed by a program of the system. */
async function packTree(name: string, command: readonly string[]): Promise<string> {
  const tree = join(files, `${name}-tree`, 'top')
  const deep = join(tree, 'd'.repeat(90), 'e'.repeat(90))
  mkdirSync(deep, { recursive: true })
  mkdirSync(join(tree, 'bin'))
  writeFileSync(join(tree, 'composer.json'), JSON.stringify({ name, version: '1.0.0', bin: ['bin/tool'] }))
  writeFileSync(join(tree, 'bin/tool'), '#!/bin/sh\necho tool\n', { mode: 0o755 })
  writeFileSync(join(deep, 'CONTENT'), name)
  const child = Bun.spawn([...command], { cwd: join(tree, '..'), stdout: 'pipe', stderr: 'pipe' })
  if ((await child.exited) !== 0) {
    throw new Error(await child.stderr.text())
  }
  return join(tree, '..', command.find((word) => word.startsWith('packed.')) ?? '')
}

describe('CO-087 CO-126 Composer installs an uploaded', () => {
  const cases = (['zip', 'tar', 'tar.gz'] as const).flatMap((format) => [
    [`${format} with composer.json at its top`, format, ''] as const,
    [`${format} with one top directory (CO-075)`, format, 'wrapped-1.0/'] as const,
  ])

  test.each(cases)('%s', async (_, format, directory) => {
    const name = `acme/${directory === '' ? 'flat' : 'wrapped'}-${format.replace('.', '-')}`
    const bytes = packageArchive({ name, version: '1.0.0' }, { format, directory, content: name })
    const { sha1 } = await upload(save(`${name.slice(5)}.${format}`, bytes))

    const project = createProject(registry, { token, require: { [name]: '^1.0' } })
    await project.succeed(['update'])

    expect(project.read(`vendor/${name}/CONTENT`)).toBe(name)
    expect(project.installed()).toEqual({ [name]: '1.0.0' })
    expect(project.locked()).toMatchObject([
      { name, dist: { type: format === 'zip' ? 'zip' : 'tar', reference: sha1, shasum: sha1 } },
    ])
    expect(project.locked()[0]).not.toHaveProperty('source')
  })

  test.each([
    ['acme/packed-gnu', ['tar', '--format=gnu', '-czf', 'packed.tar.gz', 'top']],
    ['acme/packed-ustar', ['tar', '--format=ustar', '-cf', 'packed.tar', 'top']],
  ])('%s, which the system packed', async (name, command) => {
    await upload(await packTree(name, command))

    const project = createProject(registry, { token, require: { [name]: '1.0.0' } })
    await project.succeed(['update'])

    expect(project.read(`vendor/${name}/${'d'.repeat(90)}/${'e'.repeat(90)}/CONTENT`)).toBe(name)
    expect(statSync(project.path('vendor/bin/tool')).mode & 0o111).not.toBe(0)
  })

  test('archive that `composer archive` made', async () => {
    const project = createProject(registry, { token })
    project.configure({ name: 'acme/archived', version: '3.1.0', repositories: [], require: {} })
    writeFileSync(project.path('CONTENT'), 'archived by composer')
    for (const format of ['zip', 'tar.gz']) {
      await project.succeed(['archive', `--format=${format}`, '--file=made'])
    }

    await upload(project.path('made.zip'))
    await upload(project.path('made.tar.gz'), '--replace')

    const user = createProject(registry, { token, require: { 'acme/archived': '*' } })
    await user.succeed(['update'])
    expect(user.read('vendor/acme/archived/CONTENT')).toBe('archived by composer')
  })
})

test('abuse 22: a lock file keeps installing the bytes that it names after the version was replaced and removed', async () => {
  const [first, second] = ['first', 'second'].map((content) =>
    packageArchive({ name: 'acme/replaced', version: '1.0.0' }, { content }),
  )
  await upload(save('replaced.zip', first ?? new Uint8Array()))
  const project = createProject(registry, { token, require: { 'acme/replaced': '1.0.0' } })
  await project.succeed(['update'])

  await upload(save('replaced-2.zip', second ?? new Uint8Array()), '--replace')
  await registry.cli('artifact', 'remove', 'acme', 'acme/replaced', '1.0.0')
  project.removeVendor()
  project.clearCache()
  await project.succeed(['install'])

  expect(project.read('vendor/acme/replaced/CONTENT')).toBe('first')
})

test('a development version that is uploaded moves when it is updated, and can be pinned to its bytes', async () => {
  const [first, second] = ['first', 'second'].map((content) =>
    packageArchive({ name: 'acme/moving', version: 'dev-main' }, { content }),
  )
  const { sha1 } = await upload(save('moving.zip', first ?? new Uint8Array()))
  const project = createProject(registry, { token, require: { 'acme/moving': 'dev-main' } })
  await project.succeed(['update'])
  expect(project.read('vendor/acme/moving/CONTENT')).toBe('first')

  await upload(save('moving-2.zip', second ?? new Uint8Array()), '--replace')
  await project.succeed(['update'])
  expect(project.read('vendor/acme/moving/CONTENT')).toBe('second')

  const pinned = createProject(registry, { token, require: { 'acme/moving': `dev-main#${sha1}` } })
  await pinned.succeed(['update'])
  expect(pinned.read('vendor/acme/moving/CONTENT')).toBe('first')
})

test('the archive goes out with its length and type, byte for byte', async () => {
  const bytes = packageArchive({ name: 'acme/served', version: '1.0.0' }, { format: 'tar.gz' })
  const path = save('served.tar.gz', bytes)
  const { sha1 } = await upload(path)

  const response = await fetch(`${registry.url}/acme/dists/acme/served/1.0.0/${sha1}.tar.gz`, {
    headers: { authorization: `Bearer ${token}` },
    decompress: false,
  })
  const body = new Uint8Array(await response.arrayBuffer())

  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/gzip')
  expect(response.headers.get('content-encoding')).toBeNull()
  expect(response.headers.get('content-disposition')).toBe(`attachment; filename="acme-served-${sha1.slice(0, 12)}.tar.gz"`)
  expect(createHash('sha1').update(body).digest('hex')).toBe(sha1)
  expect(Buffer.from(body)).toEqual(readFileSync(path))
})
