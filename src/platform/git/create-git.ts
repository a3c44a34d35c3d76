import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { GitUrlPolicy } from '../../core/kernel/git-url.ts'
import type { Git, Logger, Secrets } from '../../core/kernel/ports.ts'
import type { Egress } from '../http/egress.ts'
import { EgressProxy } from '../http/egress-proxy.ts'
import { openMercurial } from '../hg/open-mercurial.ts'
import { openSubversion } from '../svn/open-subversion.ts'
import { readObjects } from './cat-file.ts'
import { type FetchPorts, fetchMirror } from './fetch-mirror.ts'
import { findCommit } from './find-commit.ts'
import { findFiles } from './find-files.ts'
import { GitRunner } from './git-runner.ts'
import { listRefs } from './list-refs.ts'
import { importMirror } from './import-mirror.ts'
import { listRevisions } from './list-revisions.ts'
import { listTree } from './list-tree.ts'
import { createMirrorStore, sweepRemovedMirrors } from './mirror-store.ts'
import { sweepPrivateDirectories } from './private-directory.ts'
import { readManifests } from './read-manifests.ts'

/** What the git port is made of. */
export interface GitPorts {
  /** Where the mirrors lie; made when absent. */
  root: string
  /** Where private files of a running fetch may lie; the system's temporary directory if left out. Must allow to run scripts. */
  temporary?: string
  policy: GitUrlPolicy
  egress: Egress
  secrets: Secrets
  log: Logger
}

/** The git port over the system's git (2.30 or newer), svn and hg. `close` ends all processes and the proxy. */
export async function createGit(ports: GitPorts): Promise<Git & { close(): Promise<void> }> {
  const { root, temporary = tmpdir(), ...outside } = ports
  await mkdir(root, { recursive: true })
  await sweepRemovedMirrors(root)
  await sweepPrivateDirectories(temporary)
  const runner = new GitRunner()
  const store = createMirrorStore(root)
  const proxy = await EgressProxy.start(ports.egress)
  const fetching: FetchPorts = { ...outside, runner, store, proxy, temporary, knownHosts: join(root, '.known_hosts') }
  return {
    fetch: (input) => fetchAny(fetching, input),
    listRevisions: (mirror) => listRevisions(runner, store.path(mirror)),
    listRefs: (mirror, limit) => listRefs(runner, store.path(mirror), limit),
    readManifests: (input) => readManifests(runner, store.path(input.mirror), input),
    findCommit: (mirror, id) => findCommit(runner, store.path(mirror), id),
    listTree: (input) => listTree(runner, store.path(input.mirror), input),
    findFiles: (input) => findFiles(runner, store.path(input.mirror), input),
    readBlobs: (mirror, objectIds) => readObjects(runner, store.path(mirror), objectIds),
    size: (mirror) => store.size(mirror),
    remove: (mirror) => store.remove(mirror),
    close: async () => {
      await runner.close()
      proxy.close()
    },
  }
}

function fetchAny(ports: FetchPorts, input: Parameters<Git['fetch']>[0]): Promise<void> {
  switch (input.vcs) {
    case 'svn':
      return importMirror(ports, input, openSubversion)
    case 'hg':
      return importMirror(ports, input, openMercurial)
    default:
      return fetchMirror(ports, input)
  }
}
