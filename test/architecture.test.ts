import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { Glob } from 'bun'
import manifest from '../package.json'
import ratchet from '../tools/lint/ratchet.json'

interface SourceFile {
  readonly path: string
  readonly text: string
}

/** Modules of src/core in the order in which they may import: each sees those on earlier lines. */
const moduleOrder = [
  ['kernel'],
  ['instance'],
  ['mail'],
  ['accounts'],
  ['organizations'],
  ['access'],
  ['jobs'],
  ['packages'],
  ['sources'],
  ['mirrors', 'customers'],
  ['advisories'],
  ['catalog'],
  ['locks'],
  ['webhooks'],
]
const importedByNobodyInCore = ['hooks', 'notices', 'audit', 'statistics']
const modules = [...moduleOrder.flat(), ...importedByNobodyInCore]

/**
 * The layers, and for each the layers it may import beside itself. A core module is entered through its index.ts.
 * `compose` is compose.ts together with app.ts; `server` is serve.ts with the folder server.
 */
const mayImport: Record<string, readonly string[]> = {
  composer: [],
  kernel: ['composer'],
  core: ['composer', 'kernel'],
  platform: ['kernel'],
  config: ['composer', 'kernel'],
  'surfaces/http': ['kernel'],
  surfaces: ['composer', 'kernel', 'core', 'surfaces/http'],
  jobs: ['composer', 'kernel', 'core'],
  backup: ['kernel', 'core', 'platform', 'config', 'compose'],
  cli: ['composer', 'kernel', 'core', 'config', 'compose', 'server', 'backup'],
  compose: ['composer', 'kernel', 'core', 'platform', 'config', 'surfaces/http', 'surfaces', 'jobs'],
  server: ['composer', 'kernel', 'core', 'platform', 'config', 'surfaces/http', 'surfaces', 'jobs', 'compose'],
  main: ['composer', 'kernel', 'core', 'platform', 'config', 'surfaces/http', 'surfaces', 'jobs', 'cli', 'compose'],
}

const importPattern = /^(?:\s*import\b[^'"]*|\s*export\b[^'";]*\bfrom\s*|.*\bimport\(\s*|.*\brequire\(\s*)['"]([^'"]+)['"]/gm

/** `[layer, part]`: the part is the core module or the surface that a file belongs to. */
function placeOf(path: string): readonly [layer: string, part: string] {
  const [, top = '', second = '', third = ''] = path.split('/')
  if (top === 'core') return [second === 'kernel' ? 'kernel' : 'core', second]
  if (top === 'app.ts') return ['compose', '']
  if (top === 'serve.ts') return ['server', '']
  if (top !== 'surfaces') return [top.replace(/\.ts$/, ''), '']
  if (second === 'http') return ['surfaces/http', '']
  return ['surfaces', second === 'dialects' ? third : second]
}

function importProblem(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return externalProblem(specifier)
  const target = posix.join(posix.dirname(from), specifier)
  const [layer, part] = placeOf(from)
  const [otherLayer, otherPart] = placeOf(target)
  if (!target.startsWith('src/')) return target === 'package.json' ? null : 'leaves src'
  if (mayImport[layer] === undefined) return `has no line for ${layer} in the import table`
  if (layer === otherLayer && part === otherPart) return null
  if (layer !== otherLayer && !mayImport[layer].includes(otherLayer)) return 'is not in the import table'
  if (otherLayer === 'surfaces') return layer === 'surfaces' ? 'reaches into another surface' : null
  if (otherLayer !== 'core') return null
  if (!target.endsWith(`core/${otherPart}/index.ts`)) return 'enters a module beside its index.ts'
  return layer === 'core' ? orderProblem(part, otherPart) : null
}

function orderProblem(module: string, other: string): string | null {
  if (importedByNobodyInCore.includes(other)) return 'is imported by nobody in core'
  const rank = (name: string) => moduleOrder.findIndex((line) => line.includes(name))
  return importedByNobodyInCore.includes(module) || rank(other) < rank(module) ? null : 'goes up the order of modules'
}

function externalProblem(specifier: string): string | null {
  if (specifier === 'bun' || /^(bun|node):/.test(specifier)) return null
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
  return name in manifest.dependencies && name !== 'bun' ? null : 'is not in the dependencies of package.json'
}

function findProblems(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const [layer, part] = placeOf(path)
    const unknownModule =
      layer === 'core' && !modules.includes(part) ? [`${path}: ${part} has no place in the order of modules`] : []
    const imports = [...text.matchAll(importPattern)].flatMap(([, specifier = '']) => {
      const problem = importProblem(path, specifier)
      return problem === null ? [] : [`${path}: ${specifier} ${problem}`]
    })
    const todos = /\bTODO\b(?!.*#\d+)/.test(text) ? [`${path}: a TODO has no issue number`] : []
    return [...unknownModule, ...imports, ...todos]
  })
}

async function readSources(): Promise<SourceFile[]> {
  const paths = (await Array.fromAsync(new Glob('src/**/*.{ts,tsx}').scan('.'))).filter((path) => !/\.test\.tsx?$/.test(path))
  return Promise.all(paths.map(async (path) => ({ path, text: await Bun.file(path).text() })))
}

describe('the import table', () => {
  test('holds for every file of src', async () => {
    const files = await readSources()
    const imports = files.flatMap(({ text }) => [...text.matchAll(importPattern)])

    expect(imports.length).toBeGreaterThan(files.length)
    expect(findProblems(files)).toEqual([])
  })

  test.each([
    ['src/composer/names.ts', "import { a } from '../core/kernel/ctx.ts'"],
    ['src/composer/names.ts', "import manifest from '../../test/kit/app.ts'"],
    ['src/core/kernel/ctx.ts', "import type { A } from '../access/index.ts'"],
    ['src/core/access/a.ts', "export { a } from '../packages/index.ts'"],
    ['src/core/access/a.ts', "import {\n  a,\n  b,\n} from '../accounts/users.sql.ts'"],
    ['src/core/sources/a.ts', "import '../mirrors/index.ts'"],
    ['src/core/catalog/a.ts', "import { a } from '../audit/index.ts'"],
    ['src/core/hooks/a.ts', "import { a } from '../statistics/index.ts'"],
    ['src/core/packages/a.ts', "const a = await import('../../platform/blobs/disk.ts')"],
    ['src/core/misc/a.ts', 'export const a = 1'],
    ['src/platform/db/a.ts', "export * from '../../core/access/index.ts'"],
    ['src/platform/db/a.ts', "import { a } from '../../composer/names.ts'"],
    ['src/surfaces/http/a.ts', "import { a } from '../../core/access/index.ts'"],
    ['src/surfaces/dialects/gitlab/a.ts', "import { a } from '../pricore/ids.ts'"],
    ['src/surfaces/console/a.ts', "import { a } from '../repository/index.ts'"],
    ['src/surfaces/ops/a.ts', "import { a } from '../../core/access/scopes.ts'"],
    ['src/jobs/a.ts', "import { a } from '../compose.ts'"],
    ['src/cli/a.ts', "import { a } from '../platform/db/database.ts'"],
    ['src/app.ts', "import { a } from './main.ts'"],
    ['src/core/access/a.ts', "import { a } from '../../app.ts'"],
    ['src/platform/a.ts', "import a from 'left-pad/deep'"],
    ['src/platform/a.ts', "import { oxlint } from 'oxlint'"],
    ['src/platform/a.ts', '// TODO: later'],
  ])('refuses in %s: %s', (path, text) => {
    expect(findProblems([{ path, text }])).toHaveLength(1)
  })

  test.each([
    [
      'src/core/packages/a.ts',
      "import { a } from '../access/index.ts'\nimport { b } from '../kernel/ctx.ts'\nimport { c } from './policy.ts'",
    ],
    ['src/core/audit/a.ts', "import { a } from '../catalog/index.ts'\nimport type { Kysely } from 'kysely'"],
    [
      'src/surfaces/dialects/gitlab/a.ts',
      "import { a } from '../../http/routes.ts'\nimport { b } from './ids.ts'\nimport { c } from '../../../core/catalog/index.ts'",
    ],
    [
      'src/cli/a.ts',
      "import { a } from '../compose.ts'\nimport { b } from '../config.ts'\nimport { c } from '../core/access/index.ts'",
    ],
    ['src/main.ts', "import { a } from './platform/db/database.ts'\nimport { b } from './surfaces/ops/index.ts'"],
    ['src/platform/a.ts', "import { Database } from 'bun:sqlite'\nimport pg from 'pg'\n// TODO: use the new form, #12"],
  ])('allows what %s needs', (path, text) => {
    expect(findProblems([{ path, text }])).toEqual([])
  })
})

test('the exceptions to the size limits name files that exist', () => {
  const named = [...Object.keys(ratchet.files), ...Object.keys(ratchet.functions).map((key) => key.split('#')[0] ?? '')]

  expect(named.filter((path) => !existsSync(path))).toEqual([])
})
