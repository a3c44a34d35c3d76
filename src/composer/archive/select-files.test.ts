import { expect, test } from 'bun:test'
import { listSymlinkIds, selectFiles, toArchiveBase, type FileSelection, type TreeFile } from './select-files.ts'

test('files are selected in byte order of their paths, with the sum of their sizes', () => {
  const { files, bytes, leftOut } = select({
    tree: ['z', 'a/b', 'a.txt', 'B', '\uffee', '\u{1f642}', 'composer.json'].map((path) => file(path)),
  })

  expect(files.map(({ path }) => path)).toEqual(['B', 'a.txt', 'a/b', 'composer.json', 'z', '\uffee', '\u{1f642}'])
  expect(bytes).toBe(70)
  expect(leftOut).toEqual([])
})

test('export-ignore, archive.exclude and former archives leave files out, the last rule wins', () => {
  const tree = [
    'a.md',
    'docs/keep.md',
    'docs/x.md',
    'src/a.php',
    'acme-http-1.0.zip',
    'old/acme-http-2.tar.gz',
    'tests/a.php',
    'composer.json',
  ]

  const selected = select({
    tree: tree.map((path) => file(path)),
    gitattributes: '/docs export-ignore\n/tests export-ignore\n*.php text\n',
    archiveExclude: ['*.md', '!/docs/keep.md', 5],
  })

  expect(selected.files.map(({ path }) => path)).toEqual(['composer.json', 'docs/keep.md', 'src/a.php'])
  expect(new Set(selected.leftOut.map(({ reason }) => reason))).toEqual(new Set(['excluded']))
})

test('the top composer.json stays whatever the rules and its neighbours are', () => {
  const tree = ['Composer.json', 'composer.json', 'src/a.php', 'src/composer.json']

  const selected = select({ tree: tree.map((path) => file(path)), gitattributes: 'composer.json export-ignore\n' })

  expect(selected.files.map(({ path }) => path)).toEqual(['composer.json', 'src/a.php'])
  expect(selected.leftOut).toContainEqual({ path: 'Composer.json', reason: 'case_collision' })
})

test('a package in a directory has its own root, and rules and links are relative to it', () => {
  const selected = select({
    directory: 'packages/http',
    tree: [
      file('composer.json'),
      file('packages/http/composer.json'),
      file('packages/http/docs/a.md'),
      file('packages/http/src/a.php'),
      link('packages/http/licence', '1'),
      link('packages/http/readme', '2'),
      file('packages/http-client/composer.json'),
      file('packages/http'),
    ],
    gitattributes: '/docs export-ignore\n',
    symlinkTargets: targets({ 1: '../../LICENSE', 2: 'src/a.php' }),
  })

  expect(selected.files.map(({ path }) => path)).toEqual(['composer.json', 'readme', 'src/a.php'])
  expect(selected.leftOut).toEqual([
    { path: 'docs/a.md', reason: 'excluded' },
    { path: 'licence', reason: 'unsafe_symlink' },
  ])
})

test('version control directories are left out in any case of .git, other dotfiles stay', () => {
  const tree = ['.git/config', 'a/.GIT/hooks/x', 'a/.svn/entries', 'CVS/Root', '.gitignore', '.github/ci.yml', 'cvs/a']

  const selected = select({ tree: tree.map((path) => file(path)) })

  expect(selected.files.map(({ path }) => path)).toEqual(['.github/ci.yml', '.gitignore', 'cvs/a'])
  expect(selected.leftOut.every(({ reason }) => reason === 'vcs_directory')).toBe(true)
})

test('CO-078 paths that could leave the directory they are unpacked to are left out', () => {
  const hostile = [
    '/etc/passwd',
    '../x',
    'a/../../x',
    'a/..',
    './a',
    'a//b',
    'C:\\x',
    'c:x',
    'a\\b',
    'a\0b',
    '',
    'a/'.repeat(600),
    'a/'.repeat(130) + 'a',
  ]

  const selected = select({ tree: [...hostile.map((path) => file(path)), file('ok..txt'), file('...')] })

  expect(selected.files.map(({ path }) => path)).toEqual(['...', 'ok..txt'])
  expect(selected.leftOut).toHaveLength(hostile.length)
  expect(selected.leftOut.every(({ reason }) => reason === 'unsafe_path')).toBe(true)
})

test('a path that is not UTF-8 is left out', () => {
  expect(select({ tree: [{ ...file('x'), path: null }] })).toEqual({
    files: [],
    bytes: 0,
    leftOut: [{ path: null, reason: 'not_utf8' }],
  })
})

test('links within the tree stay, also dangling ones; those that lead out of it do not', () => {
  const inside = {
    a: 'src/a.php',
    'bin/b': '../src/a.php',
    c: 'nowhere',
    d: 'src/../src/./a.php',
    e: '.',
    f: 'bin/b',
    'x/y': '..',
  }
  const outside = {
    g: '/etc/passwd',
    h: '..',
    'bin/i': '../../x',
    j: 'nowhere/../../x',
    k: 'k',
    l: 'm',
    m: 'l',
    n: 'g',
    o: 'x/y/..',
    p: 'X/Y/..',
    q: 'C:/x',
    r: 'a\\b',
    s: '',
    t: 'x/y/y/../..',
  }

  const selected = selectLinks({ ...inside, ...outside })

  expect(selected.files.map(({ path }) => path)).toEqual(Object.keys(inside).toSorted())
  expect(selected.leftOut.map(({ path }) => path)).toEqual(Object.keys(outside).toSorted())
})

test('links whose target is not known, not UTF-8 or over a kilobyte are left out', () => {
  const tree = [link('a', '1'), link('b', '2'), { ...link('c', '3'), size: 2000 }]

  const selected = select({ tree, symlinkTargets: new Map([['2', new Uint8Array([0xff])]]) })

  expect(selected.files).toEqual([])
  expect(listSymlinkIds([...tree, link('d', '1'), file('e')])).toEqual(['1', '2'])
})

test('a maze of links is given up soon', () => {
  const maze: Record<string, string> = {}
  for (let index = 0; index < 2000; index++) maze[`l${index}`] = `l${index + 1}/../`.repeat(80)
  const start = performance.now()

  selectLinks(maze)

  expect(performance.now() - start).toBeLessThan(2000)
})

test('CO-078 of names that differ in case or composition only, the first in byte order stays', () => {
  const tree = ['README.md', 'readme.md', 'a\u0308', '\u00e4', 'Dir/x', 'dir/y', 'dir/X']

  const selected = select({ tree: tree.map((path) => file(path)) })

  expect(selected.files.map(({ path }) => path)).toEqual(['Dir/x', 'README.md', 'a\u0308', 'dir/y'])
  expect(selected.leftOut.every(({ reason }) => reason === 'case_collision')).toBe(true)
})

test('a file does not stay where a directory of the same name was taken, nor the other way round', () => {
  const selected = select({
    tree: [file('A/b'), link('a', '1'), link('B', '1'), file('b/c/d'), file('same'), file('same')],
    symlinkTargets: targets({ 1: 'elsewhere' }),
  })

  expect(selected.files.map(({ path }) => path)).toEqual(['A/b', 'B', 'same'])
  expect(selected.leftOut.map(({ path }) => path)).toEqual(['a', 'b/c/d', 'same'])
})

test('archives are named after archive.name, else after the package', () => {
  expect(toArchiveBase('acme/http.client_x', null)).toBe('acme-http-client_x')
  expect(toArchiveBase('acme/http', 'own')).toBe('own')
})

function select(selection: Partial<FileSelection>) {
  return selectFiles({
    tree: [],
    directory: '',
    gitattributes: null,
    archiveExclude: [],
    archiveBase: 'acme-http',
    symlinkTargets: new Map(),
    ...selection,
  })
}

function selectLinks(links: Record<string, string>) {
  const tree = Object.keys(links).map((path) => link(path, path))
  return select({ tree, symlinkTargets: targets(links) })
}

function targets(texts: Record<string, string>): Map<string, Uint8Array> {
  return new Map(Object.entries(texts).map(([id, text]) => [id, new TextEncoder().encode(text)]))
}

function file(path: string): TreeFile & { path: string } {
  return { path, mode: 'file', objectId: path, size: 10 }
}

function link(path: string, objectId: string): TreeFile {
  return { path, mode: 'symlink', objectId, size: 10 }
}
