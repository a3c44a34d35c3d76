import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { parseSourceUrl } from '../kernel/source-url.ts'
import type { Instant } from '../kernel/values.ts'
import { findPausedUntil } from './ask-host.ts'
import { findCredentialRow } from './credentials.sql.ts'
import type { CredentialInput } from './credentials.ts'
import type { Source } from './sources.sql.ts'

/** How the registry stands with the host of a source. Never the secret. */
export interface SourceHealth {
  /** `refused`: by the last sync; `works`: the last sync succeeded with it; `untried`: neither. */
  credential: {
    kind: CredentialInput['kind']
    origin: string
    state: 'works' | 'refused' | 'untried'
    addedAt: Instant
    expiresAt: Instant | null
  } | null
  /** Until when the host is not asked, because it limits requests. */
  pausedUntil: Instant | null
}

/** How the registry stands with the host of a source. */
export async function getSourceHealth(ctx: Ctx, source: Source): Promise<SourceHealth> {
  await authorize(ctx, 'source.list', source.organization)
  const row = source.credential === null ? null : await findCredentialRow(ctx.db, source.credential)
  const pausedUntil = source.kind === 'vcs' ? await findPausedUntil(ctx, { source, origin: originOf(source) }) : null
  if (row === null) {
    return { credential: null, pausedUntil }
  }
  const { kind, origin, createdAt: addedAt, expiresAt } = row
  return { credential: { kind, origin, state: stateOf(source, addedAt), addedAt, expiresAt }, pausedUntil }
}

function stateOf(source: Source, addedAt: Instant): 'works' | 'refused' | 'untried' {
  if (source.problemCode === 'source_refused') {
    return 'refused'
  }
  return source.syncedAt !== null && source.syncedAt >= addedAt ? 'works' : 'untried'
}

/** Where the repository of a source is, as credentials are pinned to it. What is stored was allowed once. */
export function originOf({ url, vcs }: Pick<Source, 'url' | 'vcs'>): string {
  return parseSourceUrl(url, vcs, { allowFile: true, allowHttp: true }).origin
}
