import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createGitKit, type GitKit } from '../kit/git-kit.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'
import { type GitServer, startGitServer } from '../kit/git-server.ts'

let kit: GitKit
let source: TestRepository
let server: GitServer

beforeEach(async () => {
  kit = await createGitKit()
  source = await createTestRepository()
  server = await startGitServer(source.directory)
  const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)))
  const [commit = ''] = await source.commit({ files: { 'composer.json': '{}', noise } })
  await source.setRefs({ 'refs/heads/main': commit, 'refs/tags/v1': commit })
})

afterEach(async () => {
  await server.stop()
  await kit.dispose()
  await source.remove()
})

function filesBelow(path: string): string[] {
  return [...new Bun.Glob('**/*').scanSync({ cwd: path, dot: true })]
}

async function tagsOf(): Promise<string[]> {
  return (await kit.git.listRefs('one', 100)).refs.filter((ref) => ref.kind === 'tag').map((ref) => ref.name)
}

async function addTag(name: string): Promise<void> {
  const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000)))
  const [commit = ''] = await source.commit({ files: { noise } })
  await source.setRefs({ [`refs/tags/${name}`]: commit })
}

describe('a repository over HTTP', () => {
  test('is fetched through the guard', async () => {
    const phases = new Set<string>()
    await kit.fetch(server.url, { onPhase: (phase) => phases.add(phase) })

    expect(await tagsOf()).toEqual(['v1'])
    expect(phases).toContain('receiving')
  })

  test('costs one listing when nothing has changed', async () => {
    await kit.fetch(server.url)
    server.requests.length = 0

    await kit.fetch(server.url)

    expect(server.requests.map((request) => request.method)).toEqual(['GET', 'POST'])
  })
})

describe('abuse 1: a URL that is not one', () => {
  const canary = join(process.env.TMPDIR ?? '/tmp', `repertoire-canary-${process.pid}`)

  test.each([
    `--upload-pack=touch ${canary}`,
    `--upload-pack=touch%20${canary}`,
    `ext::sh -c touch% ${canary}`,
    `-oProxyCommand=touch ${canary}`,
    `ssh://-oProxyCommand=touch/x`,
    'git@host:-x',
  ])('%s starts no process', async (url) => {
    await expect(kit.fetch(url)).rejects.toMatchObject({ code: 'invalid_url' })

    expect(existsSync(canary)).toBe(false)
    expect(filesBelow(kit.root)).toEqual([])
  })

  test('a directory that is no repository is unreachable', async () => {
    await expect(kit.fetch('file:///etc')).rejects.toMatchObject({ code: 'source_unreachable' })
  })
})

describe('abuse 2: ref names that git would refuse', () => {
  test('are reported with the reason while the others import', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' } })
    await source.setRefs({ 'refs/tags/dotsxx': commit, 'refs/tags/x-line': commit, 'refs/heads/xx/xx/q': commit })
    server.behaviour.rewrite = [
      ['refs/tags/dotsxx', 'refs/tags/dots..'],
      ['refs/tags/x-line', 'refs/tags/x\u{1b}[31m'],
      ['refs/heads/xx/xx/q', 'refs/heads/../../q'],
    ]

    await kit.fetch(server.url)

    const { refs, unusable } = await kit.git.listRefs('one', 100)
    expect(refs.map((ref) => ref.name)).toEqual(['main', 'v1'])
    expect(unusable.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual([
      'branch ../../q',
      'tag dots..',
      'tag x\u{1b}[31m',
    ])
    expect(unusable.every((ref) => ref.reason !== '')).toBe(true)
  })

  test('a line break in a name brings in no other ref than the server could name anyway', async () => {
    const [commit = ''] = await source.commit({ files: { a: 'a' } })
    await source.setRefs({ 'refs/tags/aaaaaaaaaaaaaaaa': commit })
    server.behaviour.rewrite = [['refs/tags/aaaaaaaaaaaaaaaa', 'refs/tags/a\nrefs/keep/xxxx']]

    await kit.fetch(server.url).catch(() => undefined)

    const listed = await kit.git.listRefs('one', 100)
    expect(listed.refs.every((ref) => !ref.name.includes('\n'))).toBe(true)
  })
})

describe('abuse 9: a server that does not keep up', () => {
  const limits = { stall: 1500 }

  test.each(['stall', 'trickle'] as const)('%s: the fetch ends by the lack of progress and leaves nothing', async (fault) => {
    server.behaviour.after = 20_000
    server.behaviour.fault = fault

    await expect(kit.fetch(server.url, { limits })).rejects.toMatchObject({ code: 'source_timeout' })

    expect(filesBelow(kit.root)).toEqual([])
  })

  test('a close in the middle is unreachable, keeps the state before and takes no room', async () => {
    await kit.fetch(server.url)
    const before = await kit.git.size('one')
    await addTag('v2')
    server.behaviour.after = 20_000
    server.behaviour.fault = 'close'

    await expect(kit.fetch(server.url)).rejects.toMatchObject({ code: 'source_unreachable' })
    expect(await tagsOf()).toEqual(['v1'])
    expect(await kit.git.size('one')).toBe(before)

    server.behaviour.after = null
    await kit.fetch(server.url)
    expect(await tagsOf()).toEqual(['v1', 'v2'])
  })

  test('another mirror is fetched meanwhile', async () => {
    server.behaviour.after = 20_000
    const stuck = kit.fetch(server.url, { mirror: 'stuck', limits })

    await kit.fetch(source.url)

    expect(await tagsOf()).toEqual(['v1'])
    await expect(stuck).rejects.toMatchObject({ code: 'source_timeout' })
  })

  test('a fetch that takes longer than it may is ended', async () => {
    server.behaviour.after = 20_000

    await expect(kit.fetch(server.url, { limits: { duration: 700 } })).rejects.toMatchObject({
      code: 'source_timeout',
      details: { problem: 'it took longer than 0.7 s' },
    })
  })

  test('closing the port ends what runs', async () => {
    server.behaviour.after = 20_000
    const stuck = kit.fetch(server.url)
    stuck.catch(() => undefined)
    await Bun.sleep(300)

    await kit.git.close()

    await expect(stuck).rejects.toMatchObject({ code: 'shutting_down' })
    await expect(kit.fetch(server.url)).rejects.toMatchObject({ code: 'shutting_down' })
  })
})

describe('abuse 13: a repository that moved', () => {
  test('is never followed to another place without a person', async () => {
    server.behaviour.redirect = (path) => `https://elsewhere.example${path}`

    await expect(kit.fetch(server.url)).rejects.toMatchObject({
      code: 'source_moved',
      details: { location: expect.stringMatching(/^https:\/\/elsewhere\.example\/repertoire-repository-\w+$/) },
    })
  })

  test('another owner on the same host counts as another place', async () => {
    server.behaviour.redirect = () => '/other/widget.git/info/refs?service=git-upload-pack'

    await expect(kit.fetch(server.url)).rejects.toMatchObject({
      code: 'source_moved',
      details: { location: `${server.origin}/other/widget.git` },
    })
  })

  test('the spelling with ".git" on the same host is the same repository', async () => {
    const name = server.url.slice(server.origin.length)
    server.behaviour.redirect = (path) =>
      path.startsWith(`${name}.git/`) ? `${path.replace('.git/', '/')}?service=git-upload-pack` : null

    await kit.fetch(`${server.url}.git`)

    expect(await tagsOf()).toEqual(['v1'])
  })

  test('a circle of spellings ends', async () => {
    const name = server.url.slice(server.origin.length)
    server.behaviour.redirect = (path) => (path.startsWith(`${name}.git/`) ? `${name}/info/refs` : `${name}.git/info/refs`)

    await expect(kit.fetch(server.url)).rejects.toMatchObject({ code: 'source_unreachable' })
  })
})

describe('a server that refuses', () => {
  test('abuse 13: what is gone is unreachable and the mirror stays', async () => {
    await kit.fetch(server.url)
    server.behaviour.status = 404

    await expect(kit.fetch(server.url)).rejects.toMatchObject({ code: 'source_unreachable' })
    expect(await tagsOf()).toEqual(['v1'])
  })

  test.each([401, 403])('status %d is a refused credential', async (status) => {
    server.behaviour.status = status
    server.behaviour.headers = { 'www-authenticate': 'Basic realm="x"' }

    await expect(kit.fetch(server.url)).rejects.toMatchObject({ code: 'source_refused' })
  })

  test.each([429, 503, 403])('abuse 15: status %d tells how long to wait', async (status) => {
    server.behaviour.status = status
    server.behaviour.headers = { 'retry-after': '120' }

    await expect(kit.fetch(server.url)).rejects.toMatchObject({ code: 'source_limited', details: { seconds: 120 } })
  })

  test('abuse 15: status 503 without a word is a host that is out of order', async () => {
    server.behaviour.status = 503

    await expect(kit.fetch(server.url)).rejects.toMatchObject({ code: 'source_unreachable' })
  })

  test('a host that nobody answers for is unreachable', async () => {
    await server.stop()

    await expect(kit.fetch(server.url)).rejects.toMatchObject({
      code: 'source_unreachable',
      details: { problem: expect.stringContaining('refused') },
    })
  })
})

describe('abuse 16 and 17: what a repository may carry', () => {
  test('submodules, LFS pointers, filters and hooks are data', async () => {
    const canary = join(kit.temporary, 'canary')
    const touch = `touch ${canary}`
    const [commit = ''] = await source.commit({
      files: {
        '.gitmodules': `[submodule "x"]\n\tpath = x\n\turl = ${server.origin}/never\n`,
        x: { mode: '160000', data: '0123456789012345678901234567890123456789' },
        '.gitattributes': '* filter=evil diff=evil merge=evil\n*.bin filter=lfs\n',
        '.lfsconfig': `[lfs]\n\turl = ${server.origin}/never\n`,
        'a.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
        'composer.json': '{}',
      },
    })
    await source.setRefs({ 'refs/heads/main': commit })
    await source.git(['config', 'filter.evil.smudge', touch])
    await source.git(['config', 'core.fsmonitor', touch])
    await source.git(['config', 'uploadpack.packObjectsHook', touch])
    for (const hook of ['post-update', 'reference-transaction', 'post-checkout', 'pre-auto-gc']) {
      await writeFile(join(kit.root, hook), '')
      await Bun.write(join(source.directory, 'hooks', hook), `#!/bin/sh\n${touch}\n`)
      await Bun.$`chmod 755 ${join(source.directory, 'hooks', hook)}`
      await Bun.$`rm ${join(kit.root, hook)}`
    }

    for (const url of [source.url, server.url]) {
      await kit.fetch(url)
      const entries = await kit.git.listTree({ mirror: 'one', commit, limit: 100 })
      for await (const _ of kit.git.readBlobs(
        'one',
        entries.map((entry) => entry.objectId),
      ));
      expect(entries.map((entry) => entry.path)).toEqual([
        '.gitattributes',
        '.gitmodules',
        '.lfsconfig',
        'a.bin',
        'composer.json',
      ])
    }

    expect(existsSync(canary)).toBe(false)
    expect(server.requests.some((request) => request.path.includes('never'))).toBe(false)
    expect(await Bun.file(`${kit.root}/one/config`).text()).not.toContain('evil')
  })

  test('a file source is copied: its alternates and objects may vanish afterwards', async () => {
    const [commit = ''] = await source.commit({ files: { 'composer.json': '{}' } })
    const borrower = await createTestRepository()
    await Bun.write(join(borrower.directory, 'objects/info/alternates'), `${source.directory}/objects\n`)
    await borrower.setRefs({ 'refs/heads/main': commit })

    await kit.fetch(borrower.url)
    await borrower.remove()
    await source.remove()

    expect(filesBelow(`${kit.root}/one`).some((name) => name.includes('alternates'))).toBe(false)
    expect(await kit.git.listTree({ mirror: 'one', commit, limit: 5 })).toHaveLength(1)
  })
})

describe('abuse 30: addresses that are not open', () => {
  test.each([
    'http://169.254.169.254/x',
    'http://[::ffff:10.0.0.1]/x',
    'http://2130706434/x',
    'ssh://git@10.0.0.1/x',
    'git@192.168.1.1:x',
  ])('%s is blocked', async (url) => {
    await expect(kit.fetch(url)).rejects.toMatchObject({ code: 'egress_blocked' })
  })

  test('a name is judged by what it resolves to when it is dialled', async () => {
    let asked = 0
    const rebinding = await createGitKit({
      allow: ['127.0.0.2'],
      resolve: async () => {
        asked += 1
        return [asked === 1 ? '127.0.0.2' : '127.0.0.1']
      },
    })
    try {
      const url = server.url.replace('127.0.0.1', 'rebinding.example')
      await expect(rebinding.fetch(url)).rejects.toMatchObject({ code: 'source_unreachable' })
      await expect(rebinding.fetch(url)).rejects.toMatchObject({ code: 'egress_blocked' })
      expect(server.requests).toEqual([])
    } finally {
      await rebinding.dispose()
    }
  })
})
