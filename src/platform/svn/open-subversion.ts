import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImportPorts, UpstreamInput } from '../git/import-mirror.ts'
import { directorySize } from '../git/mirror-store.ts'
import { findRefNameFault, toReadableName } from '../git/ref-name.ts'
import { packBytes } from '../git/transfer-watch.ts'
import type { Upstream, UpstreamHead } from '../git/upstream.ts'
import { openExport } from './open-export.ts'
import { createSvnClient, type SvnClient } from './svn-client.ts'
import { parseSvnInfo, parseSvnLists, type SvnEntry } from './svn-xml.ts'

/*
 * The standard layout as Composer reads it: `trunk` is the default branch, the directories in `branches` and `tags` are branches and
 * tags. A repository without trunk is a trunk itself. A state is named by its path and the revision that last changed it, in the
 * form that Composer's svn downloader takes (`/tags/1.0/@12`). Everything is read at one revision, so that a commit made meanwhile
 * changes nothing.
 */

const TRUNK = 'refs/heads/trunk'
const EXPORT = 'svn-export.new'
const MOST_REPORTED = 1000

interface Head extends UpstreamHead {
  path: string
}

/** Opens a Subversion repository; see `OpenUpstream`. */
export async function openSubversion(ports: ImportPorts, input: UpstreamInput): Promise<Upstream> {
  const client = await createSvnClient(ports, input)
  const { youngest, root } = parseSvnInfo(await read(client, ['info', '--xml', `${client.url}/@HEAD`]))
  const layout = await readLayout(client, youngest, root)
  const scratch = join(input.directory, EXPORT)
  const base = (await directorySize(input.directory)) - (await packBytes(input.directory))
  const size = async (): Promise<number> => base + (await packBytes(input.directory)) + (await directorySize(scratch))
  let exports = 0
  return {
    system: 'svn',
    ...layout,
    defaultBranch: layout.heads.has(TRUNK) ? TRUNK : null,
    open: async (head) => {
      exports += 1
      await mkdir(scratch, { recursive: true })
      const target = join(scratch, String(exports))
      const path = (head as Head).path.split('/').map(encodeURIComponent).join('/')
      const options = ['--quiet', '--ignore-externals', '--ignore-keywords', '--native-eol', 'LF']
      await client.run(['export', ...options, `${client.url}${path}@${youngest}`, target], size)
      return openExport(target)
    },
    close: () => rm(scratch, { recursive: true, force: true }),
  }
}

async function read(client: SvnClient, line: readonly string[]): Promise<string> {
  return (await client.run(line)).toString('utf8')
}

async function readLayout(
  client: SvnClient,
  youngest: number,
  root: SvnEntry,
): Promise<{ heads: Map<string, Head>; unusable: Upstream['unusable'] }> {
  const [top = []] = parseSvnLists(await read(client, ['list', '--xml', `${client.url}/@${youngest}`]))
  const directories = new Map(top.filter(({ kind }) => kind === 'dir').map((entry) => [entry.name, entry]))
  const folders = ['branches', 'tags'].filter((name) => directories.has(name))
  const lists =
    folders.length === 0
      ? []
      : parseSvnLists(await read(client, ['list', '--xml', ...folders.map((name) => `${client.url}/${name}@${youngest}`)]))
  const heads = new Map<string, Head>()
  const unusable: Upstream['unusable'] = []
  const trunk = directories.get('trunk')
  heads.set(TRUNK, trunk === undefined ? toHead('/', root) : toHead('/trunk/', trunk))
  for (const [index, folder] of folders.entries()) {
    const kind = folder === 'tags' ? 'tag' : 'branch'
    for (const entry of lists[index] ?? []) {
      if (entry.kind !== 'dir') continue
      const ref = `refs/${kind === 'tag' ? 'tags' : 'heads'}/${Buffer.from(entry.name).toString('latin1')}`
      const reason = heads.has(ref) ? 'trunk has that name' : findRefNameFault(ref)
      if (reason === null) heads.set(ref, toHead(`/${folder}/${entry.name}/`, entry))
      else if (unusable.length < MOST_REPORTED) unusable.push({ kind, name: toReadableName(entry.name).slice(0, 200), reason })
    }
  }
  // A directory with tags but no trunk is no package by itself; an empty repository has nothing at all.
  if (trunk === undefined && (folders.length > 0 || youngest === 0)) heads.delete(TRUNK)
  return { heads, unusable }
}

function toHead(path: string, entry: SvnEntry): Head {
  return { path, revision: `${path}@${entry.revision}`, changedAt: entry.changedAt }
}
