import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createGitKit, type GitKit } from '../../../test/kit/git-kit.ts'
import { createHgRepository, type HgTestRepository } from '../../../test/kit/hg-repository.ts'
import { runTool } from '../../../test/kit/svn-repository.ts'
import type { GitRef } from '../../core/kernel/ports.ts'

const MANIFEST = JSON.stringify({ name: 'acme/hg' })

let kit: GitKit
let source: HgTestRepository

beforeEach(async () => {
  kit = await createGitKit()
  source = await createHgRepository()
})

afterEach(async () => {
  await kit.dispose()
  await source.remove()
})

async function fetchRefs(change: Parameters<GitKit['fetch']>[1] = {}): Promise<Map<string, GitRef>> {
  await kit.fetch(source.url, { vcs: 'hg', ...change })
  const { refs } = await kit.git.listRefs(change.mirror ?? 'one', 1000)
  return new Map(refs.map((ref) => [`${ref.kind} ${ref.name}`, ref]))
}

async function filesOf(commit: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const { path, mode, objectId } of await kit.git.listTree({ mirror: 'one', commit, limit: 2000 })) {
    for await (const { bytes } of kit.git.readBlobs('one', [objectId]))
      files[`${mode} ${path}`] = Buffer.from(bytes).toString('latin1')
  }
  return files
}

async function revisionsOf(): Promise<Record<string, string>> {
  const revisions = await kit.git.listRevisions('one')
  const { refs } = await kit.git.listRefs('one', 1000)
  return Object.fromEntries(refs.map(({ kind, name, commit }) => [`${kind} ${name}`, revisions.get(commit) ?? 'none']))
}

describe('a Mercurial repository', () => {
  test('has its tags, open branches and bookmarks, each with its changeset, and "default" as its default branch', async () => {
    const first = await source.commit({ 'composer.json': MANIFEST })
    await source.hg('tag', '-r', first, '1.0', '-d', '1700000100 0')
    await source.hg('bookmark', '-r', first, 'feature/ä')
    await source.hg('branch', '-q', 'closed')
    await source.commit({ a: 'a' })
    await source.hg('commit', '-q', '--close-branch', '-m', 'close')
    await source.hg('update', '-q', 'default')
    const tip = (await source.hg('log', '-r', 'default', '-T', '{node}')).trim()

    const refs = await fetchRefs()

    expect(await revisionsOf()).toEqual({ 'branch default': tip, 'branch feature/ä': first, 'tag 1.0': first })
    expect((await kit.git.listRefs('one', 10)).defaultBranch).toBe('default')
    expect(refs.get('tag 1.0')).toMatchObject({ committedAt: 1_700_000_000_000, objectType: 'commit' })
    expect(refs.get('branch default')?.committedAt).toBe(1_700_000_100_000)
  })

  test('files keep their bytes, links and modes', async () => {
    const bytes = new Uint8Array([0, 255, 10, 0, 13])
    await source.commit({
      'composer.json': MANIFEST,
      'sub/ü "x".txt': 'é',
      binary: bytes,
      link: { link: '../../etc/passwd' },
      tool: { program: '#!/bin/sh\n' },
      empty: '',
    })

    const refs = await fetchRefs()

    expect(await filesOf(refs.get('branch default')?.commit ?? '')).toEqual({
      'file composer.json': MANIFEST,
      'file sub/ü "x".txt': Buffer.from('é').toString('latin1'),
      'file binary': Buffer.from(bytes).toString('latin1'),
      'symlink link': '../../etc/passwd',
      'executable tool': '#!/bin/sh\n',
      'file empty': '',
    })
  })

  test('more files than are named one by one are all read', async () => {
    const files = Object.fromEntries(Array.from({ length: 600 }, (_, number) => [`d${number % 7}/f${number}`, `${number}`]))
    await source.commit({ 'composer.json': MANIFEST, ...files })

    const refs = await fetchRefs()

    const found = await filesOf(refs.get('branch default')?.commit ?? '')
    expect(Object.keys(found)).toHaveLength(601)
    expect(found['file d3/f3']).toBe('3')
  })

  test('an empty repository has no refs', async () => {
    expect((await fetchRefs()).size).toBe(0)
  })

  test('a changeset has the same commit in every mirror', async () => {
    await source.commit({ 'composer.json': MANIFEST })
    await source.hg('tag', '1.0')

    const first = await fetchRefs()

    expect(await fetchRefs({ mirror: 'two' })).toEqual(first)
  })
})

describe('a Mercurial repository that changes', () => {
  test('a moved tag and bookmark follow, a removed tag and a closed branch go, and what they were stays readable', async () => {
    const first = await source.commit({ 'composer.json': MANIFEST })
    await source.hg('tag', '-r', first, '1.0', 'gone')
    await source.hg('bookmark', '-r', first, 'mark')
    await source.hg('branch', '-q', 'side')
    await source.commit({ side: 'x' })
    const before = await fetchRefs()

    await source.hg('commit', '-q', '--close-branch', '-m', 'close')
    await source.hg('update', '-q', 'default')
    const second = await source.commit({ 'composer.json': `${MANIFEST} ` })
    await source.hg('tag', '-f', '-r', second, '1.0')
    await source.hg('tag', '--remove', 'gone')
    await source.hg('bookmark', '-f', '-r', second, 'mark')
    const after = await fetchRefs()

    expect([...after.keys()].toSorted()).toEqual(['branch default', 'branch mark', 'tag 1.0'])
    expect(await revisionsOf()).toMatchObject({ 'branch mark': second, 'tag 1.0': second })
    for (const name of ['tag 1.0', 'branch side']) {
      const commit = before.get(name)?.commit ?? ''
      expect(await kit.git.findCommit('one', commit)).toMatchObject({ commit })
      expect((await filesOf(commit))['file composer.json']).toBe(MANIFEST)
    }
  })

  test('an unrelated repository at the same address replaces the old one', async () => {
    await source.commit({ 'composer.json': MANIFEST })
    const before = await fetchRefs()
    const other = await createHgRepository()
    await other.commit({ other: 'x' })

    await kit.fetch(other.url, { vcs: 'hg' })

    const { refs } = await kit.git.listRefs('one', 10)
    expect(Object.keys(await filesOf(refs[0]?.commit ?? ''))).toEqual(['file other'])
    expect(await kit.git.findCommit('one', before.get('branch default')?.commit ?? '')).not.toBeNull()
    await other.remove()
  })

  test('300 tags are read, and one more costs one', async () => {
    await source.commit({ 'composer.json': MANIFEST, a: 'a' })
    let lines = ''
    const node = (await source.hg('log', '-r', '.', '-T', '{node}')).trim()
    for (let number = 0; number < 300; number += 1) lines += `${node} 1.${number}\n`
    await source.commit({ '.hgtags': lines })
    expect((await fetchRefs()).size).toBe(301)

    await source.hg('tag', '2.0')
    const phases: string[] = []
    await fetchRefs({ onPhase: (phase) => phases.push(phase) })

    // The tag leads to the state before it, which the mirror had; the new state is the one that has the tag.
    expect(phases.filter((phase) => phase === 'importing')).toEqual(['importing'])
  }, 60_000)

  test('a state of its own for each of 100 tags is read by one process', async () => {
    for (let number = 0; number < 20; number += 1) await source.commit({ 'composer.json': `{"name":"acme/hg","n":${number}}` })
    let lines = ''
    const nodes = (await source.hg('log', '-T', '{node}\n')).trim().split('\n')
    for (const [index, node] of nodes.entries()) lines += `${node} 1.${index}\n`
    await source.commit({ '.hgtags': lines })

    const refs = await fetchRefs()

    expect(new Set([...refs.values()].map(({ commit }) => commit)).size).toBe(21)
  }, 60_000)
})

describe('abuse 2, 8, 16 and 17: a hostile Mercurial repository', () => {
  test('names that are no refs are listed as unusable, options and quotes in names are names', async () => {
    const node = await source.commit({ 'composer.json': MANIFEST })
    const names = ['a b', 'x~1', '--config=alias.log=!id', 'q"1', '$(id)', 'set(x)', '../../up']
    await source.commit({ '.hgtags': names.map((name) => `${node} ${name}\n`).join('') })

    const refs = await fetchRefs()

    expect([...refs.keys()].toSorted()).toEqual(
      ['branch default', 'tag --config=alias.log=!id', 'tag q"1', 'tag $(id)', 'tag set(x)'].toSorted(),
    )
    expect((await kit.git.listRefs('one', 100)).unusable.map(({ name }) => name).toSorted()).toEqual(['../../up', 'a b', 'x~1'])
  })

  test('hooks, aliases and extensions of the repository and of the user never run, subrepositories are not followed', async () => {
    const marker = join(source.directory, '..', `marker-${process.pid}`)
    const other = await createHgRepository()
    await other.commit({ secret: 'x' })
    await runTool(source.directory, ['hg', 'clone', '-q', other.directory, 'sub'])
    await source.commit({ 'composer.json': MANIFEST, '.hgsub': `sub = ${other.directory}\n`, odd: '\u0001\nodd' })
    await source.hg('copy', '-q', 'composer.json', 'copied')
    await source.commit({ more: 'm' })
    const settings = `[hooks]\npreoutgoing = touch ${marker}\noutgoing = touch ${marker}\nprelistkeys = touch ${marker}\n[alias]\nmanifest = !touch ${marker}\ncat = !touch ${marker}\n`
    await writeFile(join(source.directory, '.hg/hgrc'), settings)
    const home = join(kit.root, '.home')
    await mkdir(home)
    await writeFile(join(home, '.hgrc'), settings)
    const before = process.env['HOME']
    process.env['HOME'] = home
    try {
      const refs = await fetchRefs()
      const files = await filesOf(refs.get('branch default')?.commit ?? '')
      expect(files).toMatchObject({
        'file composer.json': MANIFEST,
        'file copied': MANIFEST,
        'file odd': '\u0001\nodd',
        'file more': 'm',
      })
      expect(Object.keys(files).filter((path) => path.includes('secret'))).toEqual([])
    } finally {
      process.env['HOME'] = before
      await other.remove()
    }
    expect(await Bun.file(marker).exists()).toBe(false)
  })

  test('more bytes or files than allowed are refused, and nothing is left of them', async () => {
    await source.commit({ 'composer.json': MANIFEST, noise: crypto.getRandomValues(new Uint8Array(60_000)), c: 'c' })

    for (const limits of [{ bytes: 50_000 }, { objects: 2 }]) {
      const failure = await kit.fetch(source.url, { vcs: 'hg', limits }).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'source_too_large' })
      expect(await readdir(kit.root)).toEqual([])
    }
  })

  test('a small history that unpacks to much more than allowed is refused', async () => {
    await source.commit({ 'composer.json': MANIFEST, zeros: new Uint8Array(3_000_000) })

    const failure = await kit.fetch(source.url, { vcs: 'hg', limits: { bytes: 1_000_000 } }).catch((error: unknown) => error)

    expect(failure).toMatchObject({ code: 'source_too_large' })
  })

  test('what is no repository says so', async () => {
    const failure = await kit.fetch('file:///nonexistent/x', { vcs: 'hg' }).catch((error: unknown) => error)

    expect(failure).toMatchObject({ code: 'source_unreachable' })
    expect(await readdir(kit.root)).toEqual([])
  })
})
