import { z } from 'zod'
import { getSource, listSourceStates, requestSync, type Source, type SourceState } from '../../../core/sources/index.ts'
import type { Call } from '../../http/route.ts'
import { enter } from './entering.ts'
import { answer } from './errors.ts'
import { compareText } from './organizations.ts'
import { presentMaybeTime, Time } from './times.ts'

const PROVIDERS = ['github', 'gitlab', 'bitbucket', 'git'] as const

/** Where a repository lives, in the words of this dialect. */
export const RepositoryPlace = z.object({ id: z.uuid(), provider: z.enum(PROVIDERS), repo_identifier: z.string() })

/** A repository in a list. */
export const RepositoryItem = RepositoryPlace.extend({
  sync_status: z.enum(['ok', 'failed', 'pending']).nullable(),
  last_synced_at: Time.nullable(),
})

/** 6.5: the repositories of an organization, by name. */
export async function list(call: Call): Promise<Response> {
  const organization = await enter(call, 'source.browse')
  const states = await listSourceStates(call.ctx, organization.id)
  const named = states.map((state) => ({ state, name: nameOf(state.source) }))
  const sorted = named.toSorted((a, b) => compareText(a.name, b.name) || a.state.source.id - b.state.source.id)
  return answer(200, { data: sorted.map(({ state }) => presentRepository(state)) })
}

/** 6.6: asks for a sync, which answers the same while one waits already. */
export async function sync(call: Call): Promise<Response> {
  const organization = await enter(call, 'source.sync')
  const source = await getSource(call.ctx, { organization: organization.id, uid: call.params['repository'] ?? '' })
  await requestSync(call.ctx, source)
  return answer(200, { message: 'Sync queued successfully' })
}

function presentRepository({ source, isPending }: SourceState): z.output<typeof RepositoryItem> {
  return {
    ...presentPlace(source),
    sync_status: isPending ? 'pending' : STATUS[source.state],
    last_synced_at: presentMaybeTime(source.syncedAt),
  }
}

const STATUS = { new: null, ready: 'ok', failing: 'failed' } as const

/** The provider and identifier of a source. A repository at a host that this dialect has no name for is plain git with its URL. */
export function presentPlace(source: Source): z.output<typeof RepositoryPlace> {
  const { host, path } = splitUrl(source.url)
  const provider = PROVIDERS.find((name) => host === `${name}.com` || host === `${name}.org`) ?? 'git'
  return { id: source.uid, provider, repo_identifier: provider === 'git' ? source.url : path }
}

/** The last part of the path, as people call a repository. */
function nameOf(source: Source): string {
  return splitUrl(source.url).path.split('/').at(-1) ?? ''
}

function splitUrl(url: string): { host: string; path: string } {
  const [, host = '', path = ''] =
    /^[a-z+]+:\/\/(?:[^@/]*@)?([^/:]*)(?::\d+)?\/(.*)$/.exec(url) ?? /^(?:[^@/]+@)?([^:/]+):(.*)$/.exec(url) ?? []
  return { host, path: path.replace(/\/+$/, '').replace(/\.git$/, '') }
}
