import type { ImportPorts, UpstreamInput } from '../git/import-mirror.ts'
import { findRefNameFault, toReadableName } from '../git/ref-name.ts'
import type { Upstream, UpstreamHead } from '../git/upstream.ts'
import { openManifest } from './open-manifest.ts'
import { HgServer } from './hg-server.ts'
import { writeHgSettings } from './hg-settings.ts'
import { pullRepository } from './pull-repository.ts'

/*
 * As Composer reads a Mercurial repository: tags are tags, open named branches and bookmarks are branches, where a branch wins over a
 * bookmark of its name. The default branch is `default`, or the bookmark `@` where hosts use it for that, or else the branch of the
 * newest changeset. A state is named by its changeset id.
 */

const MOST_REPORTED = 1000
const HEADS = 'refs/heads/'
const DEFAULTS = [`${HEADS}default`, `${HEADS}@`]

/** Opens a Mercurial repository; see `OpenUpstream`. */
export async function openMercurial(ports: ImportPorts, input: UpstreamInput): Promise<Upstream> {
  const environment = await writeHgSettings(input)
  const { directory, bookmarks } = await pullRepository(ports, input, environment)
  const server = await HgServer.start(ports.runner, directory, environment)
  try {
    const named = await readNames(server, bookmarks)
    const dates = await readDates(server, new Set(named.values()))
    const heads = new Map<string, UpstreamHead>()
    const unusable: Upstream['unusable'] = []
    for (const [ref, node] of named) {
      const changedAt = dates.get(node)
      // A bookmark may name what was pushed after the pull; the next fetch has it.
      if (changedAt === undefined) continue
      const reason = findRefNameFault(ref)
      if (reason === null) heads.set(ref, { revision: node, changedAt })
      else if (unusable.length < MOST_REPORTED) unusable.push({ ...toNamed(ref), reason })
    }
    return {
      system: 'hg',
      heads,
      unusable,
      defaultBranch: findDefaultBranch(heads),
      open: (head) => openManifest(server, head.revision),
      close: () => server.close(),
    }
  } catch (error) {
    await server.close()
    throw error
  }
}

/** Full ref name → changeset. Later ones win. */
async function readNames(server: HgServer, bookmarks: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const [name, node] of bookmarks) names.set(`${HEADS}${name}`, node)
  for (const [name, node] of toPairs(await server.text(['branches', '--template', '{branch}\\n{node}\\n']))) {
    names.set(`${HEADS}${name}`, node)
  }
  for (const [name, node] of toPairs(await server.text(['tags', '--template', '{tag}\\n{node}\\n']))) {
    // "tip" is hg's own name for the newest changeset; a tag on the null revision was removed.
    if (name !== 'tip' && !/^0+$/.test(node)) names.set(`refs/tags/${name}`, node)
  }
  return names
}

function* toPairs(text: string): Generator<[string, string], void, undefined> {
  const lines = text.split('\n')
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const node = lines[index + 1] ?? ''
    if (/^[0-9a-f]{40}$/.test(node)) yield [lines[index] ?? '', node]
  }
}

async function readDates(server: HgServer, nodes: ReadonlySet<string>): Promise<Map<string, number>> {
  const dates = new Map<string, number>()
  if (nodes.size === 0) return dates
  const set = [...nodes].map((node) => `present(${node})`).join('+')
  for (const line of (await server.text(['log', '--rev', set, '--template', '{node} {date|hgdate}\\n'])).split('\n')) {
    const [node = '', seconds = ''] = line.split(' ')
    if (nodes.has(node)) dates.set(node, Math.trunc(Number(seconds)) || 0)
  }
  return dates
}

function findDefaultBranch(heads: ReadonlyMap<string, UpstreamHead>): string | null {
  const usual = DEFAULTS.find((ref) => heads.has(ref))
  if (usual !== undefined) return usual
  let newest: { ref: string; changedAt: number } | null = null
  for (const [ref, { changedAt }] of heads) {
    if (ref.startsWith(HEADS) && (newest === null || changedAt > newest.changedAt)) newest = { ref, changedAt }
  }
  return newest?.ref ?? null
}

function toNamed(ref: string): { kind: 'tag' | 'branch'; name: string } {
  const isTag = ref.startsWith('refs/tags/')
  return { kind: isTag ? 'tag' : 'branch', name: toReadableName(ref.slice(isTag ? 10 : HEADS.length)).slice(0, 200) }
}
