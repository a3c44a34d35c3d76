import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createGitKit, type GitKit } from '../kit/git-kit.ts'
import { createTestRepository, type TestRepository } from '../kit/git-repository.ts'

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

function filesBelow(path: string): string[] {
  return [...new Bun.Glob('**/*').scanSync({ cwd: path, dot: true })]
}

async function addNoise(ref: string, bytes: number): Promise<void> {
  const parts = Array.from({ length: Math.ceil(bytes / 65_536) }, () => crypto.getRandomValues(new Uint8Array(65_536)))
  const [commit = ''] = await source.commit({ files: { noise: Buffer.concat(parts) } })
  await source.setRefs({ [ref]: commit })
}

/** Writes a blob of zeros through a pipe, so that the test itself stays small. */
async function hashZeros(repository: TestRepository, megabytes: number): Promise<string> {
  const line = `head -c ${megabytes * 1_048_576} /dev/zero | git -c core.bigFileThreshold=1m --git-dir="$1" hash-object -w --stdin`
  return (await Bun.$`sh -c ${line} sh ${repository.directory}`.text()).trim()
}

describe('abuse 8: repositories without measure', () => {
  test('a fetch over the limit of bytes is ended and a new mirror is gone', async () => {
    await addNoise('refs/heads/main', 8_000_000)

    await expect(kit.fetch(source.url, { limits: { bytes: 1_000_000 } })).rejects.toMatchObject({
      code: 'source_too_large',
      details: { limit: '1000000 bytes' },
    })

    expect(filesBelow(kit.root)).toEqual([])
  })

  test('a fetch over the limit of bytes gives an existing mirror its room back', async () => {
    await addNoise('refs/heads/main', 100_000)
    await kit.fetch(source.url)
    const before = { size: await kit.git.size('one'), refs: await kit.git.listRefs('one', 10) }
    await addNoise('refs/heads/large', 8_000_000)

    await expect(kit.fetch(source.url, { limits: { bytes: 1_000_000 } })).rejects.toMatchObject({ code: 'source_too_large' })

    expect(await kit.git.size('one')).toBe(before.size)
    expect(await kit.git.listRefs('one', 10)).toEqual(before.refs)
    await kit.fetch(source.url)
    expect((await kit.git.listRefs('one', 10)).refs).toHaveLength(2)
  })

  test('a pack that announces too many objects is refused', async () => {
    const commits = await source.commit(...Array.from({ length: 200 }, (_, index) => ({ files: { a: String(index) } })))
    await source.setRefs(Object.fromEntries(commits.map((commit, index) => [`refs/tags/t${index}`, commit])))

    await expect(kit.fetch(source.url, { limits: { objects: 100 } })).rejects.toMatchObject({
      code: 'source_too_large',
      details: { limit: '100 objects' },
    })

    expect(filesBelow(kit.root)).toEqual([])
  })

  test('a pack bomb of 1 GB in a few bytes is stored as it came and never unpacked into memory', async () => {
    const blob = await hashZeros(source, 1024)
    const tree = await source.git(['mktree'], `100644 blob ${blob}\tcomposer.json\n`)
    const commit = await source.git(['-c', 'user.name=a', '-c', 'user.email=b@c', 'commit-tree', '-m', 'x', tree])
    await source.setRefs({ 'refs/heads/main': commit })
    const peak = watchPeakMemory()

    await kit.fetch(source.url)
    const size = await kit.git.size('one')
    const entries = await kit.git.listTree({ mirror: 'one', commit, limit: 10 })
    const manifests = await Array.fromAsync(
      kit.git.readManifests({ mirror: 'one', commits: [commit], path: 'composer.json', limit: 1_000_000 }),
    )

    expect(size).toBeLessThan(3_000_000)
    expect(entries).toMatchObject([{ path: 'composer.json', size: 1_073_741_824 }])
    expect(manifests).toMatchObject([{ manifest: { kind: 'too_large', size: 1_073_741_824 } }])
    expect(peak.stop()).toBeLessThan(400_000_000)
  }, 30_000)

  test('a delta that grows beyond the memory of one object is refused', async () => {
    // The copy in the pack is a delta of a few bytes against 300 MB that have to be in memory to resolve it.
    const first = await hashZeros(source, 300)
    await writeGrown(source)
    const tree = await source.git(
      ['mktree'],
      `100644 blob ${first}\ta\n100644 blob ${(await source.git(['rev-parse', 'refs/build/grown'])).trim()}\tb\n`,
    )
    const commit = await source.git(['-c', 'user.name=a', '-c', 'user.email=b@c', 'commit-tree', '-m', 'x', tree])
    await source.setRefs({ 'refs/heads/main': commit })
    await source.git([
      '-c',
      'core.bigFileThreshold=2g',
      '-c',
      'pack.compression=1',
      'repack',
      '-a',
      '-d',
      '-f',
      '--quiet',
      '--window=2',
      '--depth=2',
    ])
    const peak = watchPeakMemory()

    await expect(kit.fetch(source.url)).rejects.toMatchObject({ code: 'source_too_large' })

    expect(peak.stop()).toBeLessThan(900_000_000)
    expect(filesBelow(kit.root)).toEqual([])
  }, 30_000)

  test('a tree that multiplies itself is read up to the limit only', async () => {
    const blob = await source.git(['hash-object', '-w', '--stdin'], 'x')
    let tree = await source.git(['mktree'], Array.from({ length: 10 }, (_, index) => `100644 blob ${blob}\tf${index}\n`).join(''))
    for (let depth = 0; depth < 8; depth += 1) {
      tree = await source.git(['mktree'], Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\td${index}\n`).join(''))
    }
    const commit = await source.git(['-c', 'user.name=a', '-c', 'user.email=b@c', 'commit-tree', '-m', 'x', tree])
    await source.setRefs({ 'refs/heads/main': commit })
    await kit.fetch(source.url)

    await expect(kit.git.listTree({ mirror: 'one', commit, limit: 5000 })).rejects.toMatchObject({
      code: 'archive_too_large',
      details: { limit: '5000 files' },
    })
  })
})

describe('abuse 7: very many refs', () => {
  test('100,000 tags are fetched and listed in bounded memory', async () => {
    const commits = await source.commit(
      ...Array.from({ length: 100 }, (_, index) => ({
        files: { 'composer.json': String(index) },
        committedAt: 1_700_000_000 + index,
      })),
    )
    const names = Array.from({ length: 100_000 }, (_, index) => `refs/tags/v${String(index).padStart(6, '0')}`)
    const lines = names.map((name, index) => `${commits[index % 100]} ${name}\n`)
    await Bun.write(`${source.directory}/packed-refs`, `# pack-refs with: sorted \n${lines.join('')}`)
    Bun.gc(true)
    const before = process.memoryUsage.rss()

    await kit.fetch(source.url)
    const { refs } = await kit.git.listRefs('one', 100_000)
    let count = 0
    for await (const { manifest } of kit.git.readManifests({
      mirror: 'one',
      commits: refs.map((ref) => ref.commit),
      path: 'composer.json',
      limit: 100,
    })) {
      if (manifest.kind === 'read') count += 1
    }

    expect(refs.map((ref) => ref.name)).toEqual(names.map((name) => name.slice('refs/tags/'.length)))
    expect(count).toBe(100_000)
    expect(process.memoryUsage.rss() - before).toBeLessThan(200_000_000)
    await expect(kit.git.listRefs('one', 99_999)).rejects.toMatchObject({ code: 'source_too_large' })
  }, 30_000)
})

/** A blob that git packs as a small delta: the zeros and one byte. */
async function writeGrown(repository: TestRepository): Promise<void> {
  const line = '{ head -c 314572800 /dev/zero; echo x; } | git -c core.bigFileThreshold=1m --git-dir="$1" hash-object -w --stdin'
  const grown = (await Bun.$`sh -c ${line} sh ${repository.directory}`.text()).trim()
  await repository.git(['update-ref', 'refs/build/grown', grown])
}

/** The largest resident memory of any git process that this process started, in bytes. */
function watchPeakMemory(): { stop(): number } {
  let peak = 0
  const timer = setInterval(() => {
    const listed = Bun.spawnSync(['ps', '-eo', 'rss=,ppid=,comm=']).stdout.toString()
    for (const line of listed.split('\n')) {
      const [kilobytes, , name = ''] = line.trim().split(/\s+/)
      if (name === 'git') peak = Math.max(peak, Number(kilobytes) * 1024)
    }
  }, 50)
  return {
    stop: () => {
      clearInterval(timer)
      return peak
    },
  }
}
