import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createGitKit, type GitKit } from '../../../test/kit/git-kit.ts'
import { createTestRepository, rebuildFixture, type TestRepository } from '../../../test/kit/git-repository.ts'
import type { GitManifest } from '../../core/kernel/ports.ts'

const FIXTURES = new URL('../../../../shared/fixtures/repositories/', import.meta.url).pathname

let kit: GitKit
let source: TestRepository

beforeEach(async () => {
  kit = await createGitKit()
  source = await createTestRepository()
})

afterEach(async () => {
  await kit.dispose()
  await source.remove()
})

async function manifestsOf(commits: string[], path = 'composer.json', limit = 1000): Promise<GitManifest[]> {
  const found: GitManifest[] = []
  for await (const { manifest } of kit.git.readManifests({ mirror: 'one', commits, path, limit })) found.push(manifest)
  return found
}

async function namesOf(): Promise<string[]> {
  return (await kit.git.listRefs('one', 1000)).refs.map((ref) => `${ref.kind} ${ref.name}`)
}

function textOf(manifest: GitManifest | undefined): string {
  return manifest?.kind === 'read' ? Buffer.from(manifest.bytes).toString() : (manifest?.kind ?? 'none')
}

describe('fetching', () => {
  test('brings branches, tags and HEAD with the dates of their commits', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' }, committedAt: 1_700_000_100, authoredAt: 1_700_000_050 })
    await source.setRefs({
      'refs/heads/main': commit,
      'refs/tags/v1': commit,
      'refs/pull/1/head': commit,
      'refs/notes/x': commit,
    })

    await kit.fetch(source.url)

    const dates = { committedAt: 1_700_000_100_000, authoredAt: 1_700_000_050_000 }
    expect(await kit.git.listRefs('one', 10)).toEqual({
      refs: [
        { kind: 'branch', name: 'main', commit, objectType: 'commit', ...dates },
        { kind: 'tag', name: 'v1', commit, objectType: 'commit', ...dates },
      ],
      defaultBranch: 'main',
      detachedHead: null,
      unusable: [],
    })
  })

  test('an empty repository has an empty list', async () => {
    await kit.fetch(source.url)

    expect(await kit.git.listRefs('one', 10)).toEqual({ refs: [], defaultBranch: null, detachedHead: null, unusable: [] })
  })

  test('a detached HEAD is reported by its commit', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' } })
    await source.git(['update-ref', '--no-deref', 'HEAD', commit])

    await kit.fetch(source.url)

    expect(await kit.git.listRefs('one', 10)).toMatchObject({ refs: [], defaultBranch: null, detachedHead: commit })
  })

  test('HEAD and all refs follow the remote, and what they pointed to stays readable through refs that are not listed', async () => {
    const [first = '', second = ''] = await source.commit(
      { files: { 'composer.json': '1' } },
      { files: { 'composer.json': '2' } },
    )
    await source.setRefs({ 'refs/heads/main': first, 'refs/heads/old': first, 'refs/tags/v1': first })
    await kit.fetch(source.url)

    await source.setRefs({ 'refs/heads/main': second, 'refs/heads/old': null, 'refs/tags/v1': second, 'refs/heads/next': second })
    await source.git(['symbolic-ref', 'HEAD', 'refs/heads/next'])
    await kit.fetch(source.url)

    expect(await namesOf()).toEqual(['branch main', 'branch next', 'tag v1'])
    expect((await kit.git.listRefs('one', 10)).defaultBranch).toBe('next')
    expect((await manifestsOf([first, second])).map(textOf)).toEqual(['1', '2'])
    const mirror = `--git-dir=${kit.root}/one`
    expect(await source.git([mirror, 'for-each-ref', '--format=%(refname)', 'refs/repertoire/keep'])).toBe(
      `refs/repertoire/keep/${first}`,
    )
    expect(await source.git([mirror, 'fsck', '--strict'])).toBe('')
  })

  test('a commit that the new state still reaches needs no ref of its own', async () => {
    const [first = ''] = await source.commit({ files: { a: '1' } })
    await source.setRefs({ 'refs/heads/main': first })
    await kit.fetch(source.url)
    const [second = ''] = await source.commit({ files: { a: '2' }, parent: first })
    await source.setRefs({ 'refs/heads/main': second })

    await kit.fetch(source.url)

    expect(await source.git([`--git-dir=${kit.root}/one`, 'for-each-ref', '--format=%(refname)', 'refs/repertoire/keep'])).toBe(
      '',
    )
  })

  test('a branch gives way to branches below its name and back', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' } })
    await source.setRefs({ 'refs/heads/a': commit })
    await kit.fetch(source.url)

    await source.setRefs({ 'refs/heads/a': null })
    await source.setRefs({ 'refs/heads/a/b': commit })
    await kit.fetch(source.url)
    expect(await namesOf()).toEqual(['branch a/b'])

    await source.setRefs({ 'refs/heads/a/b': null })
    await source.setRefs({ 'refs/heads/a': commit })
    await kit.fetch(source.url)
    expect(await namesOf()).toEqual(['branch a'])
  })

  test('what is unchanged is not written again', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' } })
    await source.setRefs({ 'refs/heads/main': commit })
    await kit.fetch(source.url)
    const before = await Bun.file(`${kit.root}/one/packed-refs`).stat()

    await kit.fetch(source.url)

    expect((await Bun.file(`${kit.root}/one/packed-refs`).stat()).ino).toBe(before.ino)
  })

  test('abuse 2: odd names come through unharmed and do not hinder each other', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' } })
    const names = ['-rf', '--output=/x', '$(id)', '`id`', 'a;b', 'größe', '日本', '"q"', '<b>', '#1', 'feature/HEAD']
    const long = 'x'.repeat(1000)
    const lines = names.map((name) => `refs/tags/${name}`)
    // Neither of these two can be a file, which is how update-ref would store them.
    const packed = [...lines, 'refs/tags/\u{ff}\u{fe}', `refs/tags/${long}`].map((name) =>
      Buffer.from(name, name.includes('\u{ff}') ? 'latin1' : 'utf8'),
    )
    const sorted = packed.toSorted((left, right) => Buffer.compare(left, right))
    const bytes = sorted.flatMap((name) => [Buffer.from(`${commit} `), name, Buffer.from('\n')])
    await Bun.write(`${source.directory}/packed-refs`, Buffer.concat([Buffer.from('# pack-refs with: sorted \n'), ...bytes]))

    await kit.fetch(source.url)

    const { refs, unusable } = await kit.git.listRefs('one', 1000)
    expect(refs.map((ref) => ref.name).toSorted()).toEqual([...names, '\\xff\\xfe', long].toSorted())
    expect(refs.every((ref) => ref.commit === commit)).toBe(true)
    expect(unusable).toEqual([])
  })

  test('abuse 3: a tag with and one without "v" are two refs', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' } })
    await source.setRefs({ 'refs/tags/1.0.0': commit, 'refs/tags/v1.0.0': commit })

    await kit.fetch(source.url)

    expect(await namesOf()).toEqual(['tag 1.0.0', 'tag v1.0.0'])
  })

  test('many small packs are consolidated without losing what no ref reaches', async () => {
    const [lost = ''] = await source.commit({ files: { 'composer.json': 'lost' } })
    await source.setRefs({ 'refs/heads/main': lost })
    await kit.fetch(source.url)
    for (let round = 0; round < 50; round += 1) {
      const [commit = ''] = await source.commit({ files: { 'composer.json': String(round) }, committedAt: 1_700_000_000 + round })
      await source.setRefs({ 'refs/heads/main': commit })
      await kit.fetch(source.url)
    }

    const packs = [...new Bun.Glob('*.pack').scanSync(`${kit.root}/one/objects/pack`)]
    expect(packs.length).toBeLessThan(10)
    expect((await manifestsOf([lost])).map(textOf)).toEqual(['lost'])
  })
})

describe('reading', () => {
  test('manifests come in the given order, whatever lies at the path', async () => {
    const commits = await source.commit(
      { files: { 'composer.json': 'first' } },
      { files: { other: 'x' } },
      { files: { 'composer.json': 'x'.repeat(1001) } },
      { files: { 'composer.json/inner': 'x' } },
      { files: { 'composer.json': { mode: '160000', data: '0123456789012345678901234567890123456789' } } },
      { files: { 'composer.json': { mode: '120000', data: 'target text' } } },
      { files: { 'composer.json': { mode: '100755', data: 'executable' } } },
      { files: { 'composer.json': '' } },
    )
    await source.setRefs(Object.fromEntries(commits.map((commit, index) => [`refs/heads/b${index}`, commit])))
    await kit.fetch(source.url)

    const order = [...commits, ...commits.toReversed()]
    const kinds = (await manifestsOf([...order, 'f'.repeat(40)])).map(textOf)

    const expected = ['first', 'absent', 'too_large', 'not_a_file', 'submodule', 'target text', 'executable', '']
    expect(kinds).toEqual([...expected, ...expected.toReversed(), 'absent'])
  })

  test('manifests of a monorepo are read from their directories', async () => {
    const [commit = '', other = ''] = await source.commit(
      { files: { 'packages/a b/composer.json': 'inner', 'composer.json': 'outer' } },
      { files: { 'packages/a b/composer.json': { mode: '160000', data: '0123456789012345678901234567890123456789' } } },
    )
    await source.setRefs({ 'refs/heads/main': commit, 'refs/heads/other': other })
    await kit.fetch(source.url)

    expect((await manifestsOf([commit, other], 'packages/a b/composer.json')).map(textOf)).toEqual(['inner', 'submodule'])
    for (const path of ['../composer.json', '/composer.json', './composer.json', 'a\nb', '']) {
      await expect(manifestsOf([commit], path)).rejects.toMatchObject({ code: 'invalid_input' })
    }
  })

  test('a consumer that stops early ends the processes', async () => {
    const [commit = ''] = await source.commit({ files: { 'composer.json': 'x'.repeat(900) } })
    await source.setRefs({ 'refs/heads/main': commit })
    await kit.fetch(source.url)

    for await (const _ of kit.git.readManifests({
      mirror: 'one',
      commits: Array.from({ length: 4000 }, () => commit),
      path: 'composer.json',
      limit: 1000,
    }))
      break
    const blobs = kit.git.readBlobs(
      'one',
      Array.from({ length: 4000 }, () => commit),
    )
    for await (const _ of blobs) break

    expect(childrenOf(process.pid)).toEqual([])
  })

  test('files of a tree are listed in byte order without submodules, up to the limit', async () => {
    const [commit = ''] = await source.commit({
      files: {
        'b.txt': 'bb',
        'a/-rf': 'x',
        bin: { mode: '100755', data: '#!' },
        link: { mode: '120000', data: '/etc/passwd' },
        'line\nbreak': '',
        module: { mode: '160000', data: '0123456789012345678901234567890123456789' },
      },
    })
    await source.setRefs({ 'refs/heads/main': commit })
    await kit.fetch(source.url)

    const entries = await kit.git.listTree({ mirror: 'one', commit, limit: 5 })

    expect(entries.map(({ path, mode, size }) => [path, mode, size])).toEqual([
      ['a/-rf', 'file', 1],
      ['b.txt', 'file', 2],
      ['bin', 'executable', 2],
      ['line\nbreak', 'file', 0],
      ['link', 'symlink', 11],
    ])
    await expect(kit.git.listTree({ mirror: 'one', commit, limit: 4 })).rejects.toMatchObject({ code: 'archive_too_large' })
    const texts: string[] = []
    for await (const { bytes } of kit.git.readBlobs(
      'one',
      entries.map((entry) => entry.objectId),
    ))
      texts.push(Buffer.from(bytes).toString())
    expect(texts).toEqual(['x', 'bb', '#!', '', '/etc/passwd'])
  })

  test('a path that is not UTF-8 is listed as null', async () => {
    const blob = await source.git(['hash-object', '-w', '--stdin'], 'x')
    const tree = await source.git(['mktree', '-z'], Buffer.from(`100644 blob ${blob}\t\u{e9}\0`, 'latin1'))
    const commit = await source.git(['-c', 'user.name=a', '-c', 'user.email=b@c', 'commit-tree', '-m', 'x', tree])
    await source.setRefs({ 'refs/heads/main': commit })
    await kit.fetch(source.url)

    expect(await kit.git.listTree({ mirror: 'one', commit, limit: 5 })).toMatchObject([{ path: null, size: 1 }])
  })

  test('a commit is found by its id or the beginning of it, and by nothing else', async () => {
    const [commit = '', other = ''] = await source.commit({ files: { a: 'a' } }, { files: { a: 'b' } })
    await source.setRefs({ 'refs/heads/main': commit, [`refs/tags/${commit.slice(0, 8)}`]: other, 'refs/heads/abcdefa': other })
    await kit.fetch(source.url)
    const tree = await source.git(['rev-parse', `${commit}^{tree}`])

    const found = { commit, committedAt: 1_700_000_000_000 }
    expect(await kit.git.findCommit('one', commit)).toEqual(found)
    expect(await kit.git.findCommit('one', commit.slice(0, 8).toUpperCase())).toEqual(found)
    for (const id of [
      'main',
      'abcdefa',
      tree,
      commit.slice(0, 6),
      `${commit}0`,
      'HEAD',
      '--all',
      'f'.repeat(40),
      'f'.repeat(12),
      `${commit}^{tree}`,
    ]) {
      expect(await kit.git.findCommit('one', id)).toBeNull()
    }
  })

  test('a beginning that two commits share finds none', async () => {
    const commits = await source.commit(...Array.from({ length: 400 }, (_, index) => ({ files: { a: String(index) } })))
    await source.setRefs(Object.fromEntries(commits.map((commit, index) => [`refs/tags/t${index}`, commit])))
    await kit.fetch(source.url)
    const listed = await kit.git.listRefs('one', 1000)

    expect(listed.refs).toHaveLength(400)
    await expect(kit.git.listRefs('one', 399)).rejects.toMatchObject({ code: 'source_too_large' })
    expect(await kit.git.findCommit('one', 'a'.repeat(7))).toBeNull()
  })

  test('a mirror can be measured and removed', async () => {
    expect(await kit.git.size('one')).toBe(0)
    await kit.fetch(source.url)
    expect(await kit.git.size('one')).toBeGreaterThan(50)

    await kit.git.remove('one')
    await kit.git.remove('one')

    expect(await kit.git.size('one')).toBe(0)
    expect([...new Bun.Glob('*').scanSync({ cwd: kit.root, onlyFiles: false, dot: true })]).toEqual([])
  })

  test('a key that could leave the root is refused', () => {
    expect(() => kit.git.size('../x')).toThrow('key')
    expect(() => kit.git.remove('')).toThrow('key')
  })
})

describe('repositories that Composer was asked about', () => {
  for (const name of [
    'synthetic--refs',
    'synthetic--tag-objects',
    'synthetic--manifests',
    'synthetic--default-detached',
    'spatie--laravel-permission',
  ]) {
    test(`${name}: every ref leads to the recorded object, date and manifest`, async () => {
      const file = `${FIXTURES}${name}.json`
      const fixture = await Bun.file(file).json()
      const rebuilt = await rebuildFixture(file)
      try {
        await kit.fetch(rebuilt.repository.url)
      } finally {
        await rebuilt.repository.remove()
      }

      const listed = await kit.git.listRefs('one', 10_000)
      expect(listed.defaultBranch).toBe(fixture.default_branch)
      expect(listed.detachedHead).toBe(fixture.head === undefined ? null : (rebuilt.commits.get(fixture.head) ?? ''))
      const found = new Map(listed.refs.map((ref) => [`${ref.kind} ${ref.name}`, ref]))
      expect(found.size).toBe(fixture.refs.length)
      const commits = listed.refs.map((ref) => ref.commit)
      const manifests = new Map(commits.map((commit, index) => [commit, index]))
      const read = await manifestsOf(commits, 'composer.json', 100_000_000)
      for (const ref of fixture.refs) {
        const actual = found.get(`${ref.kind} ${ref.name}`)
        expect(actual?.objectType).toBe(ref.object_type ?? 'commit')
        if (ref.object_type !== undefined) continue
        expect(actual?.committedAt).toBe(Date.parse(ref.committed_at))
        expect(actual?.authoredAt).toBe(Date.parse(ref.authored_at ?? ref.committed_at))
        const manifest = read[manifests.get(actual?.commit ?? '') ?? -1]
        if (manifest?.kind === 'read') expect(manifest.objectId).toBe(ref.manifest)
        else
          expect([
            ref.manifest === null ? 'absent' : '',
            ref.mode === '160000' ? 'submodule' : '',
            ref.mode === '040000' ? 'not_a_file' : '',
          ]).toContain(manifest?.kind ?? '')
      }
    })
  }
})

function childrenOf(pid: number): string[] {
  const listed = Bun.spawnSync(['ps', '-o', 'pid=,comm=', '--ppid', String(pid)]).stdout.toString()
  return listed.split('\n').filter((line) => line.includes('git'))
}
