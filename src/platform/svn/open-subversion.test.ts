import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { createGitKit, type GitKit } from '../../../test/kit/git-kit.ts'
import { createSvnRepository, runTool, type SvnTestRepository } from '../../../test/kit/svn-repository.ts'
import type { GitRef } from '../../core/kernel/ports.ts'

const MANIFEST = JSON.stringify({ name: 'acme/svn' })

let kit: GitKit
let source: SvnTestRepository

beforeEach(async () => {
  kit = await createGitKit()
  source = await createSvnRepository()
})

afterEach(async () => {
  await kit.dispose()
  await source.remove()
})

async function fetchRefs(change: Parameters<GitKit['fetch']>[1] = {}): Promise<Map<string, GitRef>> {
  await kit.fetch(source.url, { vcs: 'svn', ...change })
  const { refs } = await kit.git.listRefs(change.mirror ?? 'one', 1000)
  return new Map(refs.map((ref) => [`${ref.kind} ${ref.name}`, ref]))
}

async function filesOf(commit: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const { path, mode, objectId } of await kit.git.listTree({ mirror: 'one', commit, limit: 100 })) {
    for await (const { bytes } of kit.git.readBlobs('one', [objectId])) files[`${mode} ${path}`] = Buffer.from(bytes).toString()
  }
  return files
}

async function revisionsOf(): Promise<Record<string, string>> {
  const revisions = await kit.git.listRevisions('one')
  const { refs } = await kit.git.listRefs('one', 1000)
  return Object.fromEntries(refs.map(({ kind, name, commit }) => [`${kind} ${name}`, revisions.get(commit) ?? 'none']))
}

describe('a Subversion repository', () => {
  test('has trunk as its default branch, branches and tags, each with the reference that Composer uses', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST })
    await source.copy('trunk', 'tags/1.0')
    await source.copy('trunk', 'branches/next')

    await fetchRefs()

    const { defaultBranch, refs } = await kit.git.listRefs('one', 10)
    expect(defaultBranch).toBe('trunk')
    expect(await revisionsOf()).toEqual({
      'branch next': '/branches/next/@4',
      'branch trunk': '/trunk/@2',
      'tag 1.0': '/tags/1.0/@3',
    })
    expect(refs.every(({ committedAt }) => Math.abs(committedAt - Date.now()) < 600_000)).toBe(true)
  })

  test('without any layout is a trunk itself, and one that is empty has no refs', async () => {
    const flat = await createSvnRepository([])
    try {
      await kit.fetch(flat.url, { vcs: 'svn' })
      expect((await kit.git.listRefs('one', 10)).refs).toEqual([])

      await flat.commit({ 'composer.json': MANIFEST })
      await kit.fetch(flat.url, { vcs: 'svn' })
      expect(await revisionsOf()).toEqual({ 'branch trunk': '/@1' })
    } finally {
      await flat.remove()
    }
  })

  test('files keep their bytes, links and modes; keywords are not expanded, line ends do not depend on the machine', async () => {
    await source.commit({
      'trunk/composer.json': MANIFEST,
      'trunk/sub/ü ä@2.txt': 'é',
      'trunk/link': { link: '../../etc/passwd' },
      'trunk/keyword': '$Id$ $Rev$\n',
      'trunk/lines': 'a\nb\n',
      'trunk/tool': '#!/bin/sh\n',
    })
    await source.svn('propset', '-q', 'svn:keywords', 'Id Rev', 'trunk/keyword')
    await source.svn('propset', '-q', 'svn:eol-style', 'native', 'trunk/lines')
    await source.svn('propset', '-q', 'svn:executable', 'on', 'trunk/tool')
    await source.commit({})

    const refs = await fetchRefs()

    expect(await filesOf(refs.get('branch trunk')?.commit ?? '')).toEqual({
      'file composer.json': MANIFEST,
      'file sub/ü ä@2.txt': 'é',
      'symlink link': '../../etc/passwd',
      'file keyword': '$Id$ $Rev$\n',
      'file lines': 'a\nb\n',
      'executable tool': '#!/bin/sh\n',
    })
  })

  test('externals are never followed', async () => {
    const other = await createSvnRepository([])
    await other.commit({ secret: 'x' })
    await source.commit({ 'trunk/composer.json': MANIFEST })
    await source.svn('propset', '-q', 'svn:externals', `${other.url} vendor`, 'trunk')
    await source.commit({})

    const refs = await fetchRefs()

    expect(Object.keys(await filesOf(refs.get('branch trunk')?.commit ?? ''))).toEqual(['file composer.json'])
    await other.remove()
  })

  test('a state has the same commit in every mirror', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST })
    await source.copy('trunk', 'tags/1.0')

    const first = await fetchRefs()

    expect(await fetchRefs({ mirror: 'two' })).toEqual(first)
  })
})

describe('a Subversion repository that changes', () => {
  test('a changed tag is another commit, and what it was stays readable', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST })
    await source.copy('trunk', 'tags/1.0')
    const before = (await fetchRefs()).get('tag 1.0')?.commit ?? ''

    await source.commit({ 'tags/1.0/composer.json': `${MANIFEST} ` })
    const after = (await fetchRefs()).get('tag 1.0')?.commit ?? ''

    expect(after).not.toBe(before)
    expect(await kit.git.findCommit('one', before)).toMatchObject({ commit: before })
    expect(await filesOf(before)).toEqual({ 'file composer.json': MANIFEST })
    expect((await kit.git.listRevisions('one')).get(before)).toBe('/tags/1.0/@3')
  })

  test('a branch that was deleted is gone, and comes back as it was', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST })
    await source.copy('trunk', 'branches/next')
    const before = await fetchRefs()

    await source.mucc('rm', 'branches/next')
    expect([...(await fetchRefs()).keys()]).toEqual(['branch trunk'])

    expect(await kit.git.findCommit('one', before.get('branch next')?.commit ?? '')).not.toBeNull()
  })

  test('300 tags are read, and one more costs one', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST })
    const copies = Array.from({ length: 300 }, (_, number) => ['cp', 'HEAD', 'trunk', `tags/1.${number}`])
    await source.mucc(...copies.flat())
    expect((await fetchRefs()).size).toBe(301)

    await source.copy('trunk', 'tags/2.0')
    const phases: string[] = []
    await fetchRefs({ onPhase: (phase) => phases.push(phase) })

    expect(phases.filter((phase) => phase === 'importing')).toEqual(['importing'])
  }, 60_000)
})

describe('abuse 2, 8, 16 and 17: a hostile Subversion repository', () => {
  test('names that are no refs are listed as unusable; options, pegs and quotes in names are names', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST })
    const names = ['a b', 'x~1', '--config-option', '1@2', 'q"1', '$(id)', 'a;b', 'ü']
    await source.mucc(...names.flatMap((name) => ['cp', 'HEAD', 'trunk', `tags/${name}@`.replace(/@$/, '')]))

    const refs = await fetchRefs()

    expect([...refs.keys()].toSorted()).toEqual(
      ['branch trunk', 'tag --config-option', 'tag $(id)', 'tag 1@2', 'tag a;b', 'tag q"1', 'tag ü'].toSorted(),
    )
    expect((await kit.git.listRefs('one', 100)).unusable.map(({ name }) => name).toSorted()).toEqual(['a b', 'x~1'])
  })

  test('directories that a checkout would take for its own are left out', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST, 'trunk/.git/hooks/post-checkout': 'x', 'trunk/a/.GIT/config': 'x' })

    const refs = await fetchRefs()

    expect(Object.keys(await filesOf(refs.get('branch trunk')?.commit ?? ''))).toEqual(['file composer.json'])
  })

  test('more bytes or files than allowed are refused, and nothing is left of them', async () => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64')
    await source.commit({ 'trunk/composer.json': MANIFEST, 'trunk/noise': noise, 'trunk/c': 'c' })

    for (const limits of [{ bytes: 50_000 }, { objects: 2 }]) {
      const failure = await kit.fetch(source.url, { vcs: 'svn', limits }).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'source_too_large' })
      expect(await readdir(kit.root)).toEqual([])
    }
    await fetchRefs()
    await source.commit({ 'trunk/d': `${noise}${noise}` })
    expect(
      await kit.fetch(source.url, { vcs: 'svn', limits: { bytes: 150_000 } }).catch((error: unknown) => error),
    ).toMatchObject({
      code: 'source_too_large',
    })
    expect(await readdir(join(kit.root, 'one'))).not.toContain('svn-export.new')
    expect(await revisionsOf()).toEqual({ 'branch trunk': '/trunk/@2' })
  })

  test('what is no repository, and what is a file, says so', async () => {
    await source.commit({ 'trunk/composer.json': MANIFEST })

    const nowhere = await kit.fetch('file:///nonexistent/x', { vcs: 'svn' }).catch((error: unknown) => error)
    const file = await kit.fetch(`${source.url}/trunk/composer.json`, { vcs: 'svn' }).catch((error: unknown) => error)

    expect(nowhere).toMatchObject({ code: 'source_unreachable' })
    expect(file).toMatchObject({ code: 'source_invalid' })
    expect(await readdir(kit.root)).toEqual([])
  })

  test.each(['svn', 'hg'] as const)('a machine without %s says so', async (vcs) => {
    const path = process.env['PATH'] ?? ''
    const programs = join(kit.root, '.programs')
    await mkdir(programs)
    await symlink(Bun.which('git') ?? '', join(programs, 'git'))
    process.env['PATH'] = programs
    try {
      const failure = await kit.fetch(source.url, { vcs }).catch((error: unknown) => error)
      expect(failure).toMatchObject({
        code: 'source_invalid',
        details: { problem: `the program "${vcs}" is not installed on the server` },
      })
    } finally {
      process.env['PATH'] = path
    }
  })
})

test('reading changes nothing in the repository', async () => {
  await source.commit({ 'trunk/composer.json': MANIFEST })
  const before = await runTool('/', ['svnlook', 'youngest', source.directory])

  await fetchRefs()

  expect(await runTool('/', ['svnlook', 'youngest', source.directory])).toBe(before)
})
