import type { UpstreamRoot } from '../../composer/index.ts'
import type { CredentialId, Instant, OrganizationId, SourceId } from '../kernel/values.ts'

/** How packages of a mirror get here; see `MirrorsTable.behavior`. */
export type MirrorBehavior = 'add_on_use' | 'manual' | 'manual_admin' | 'disabled'

/** An upstream Composer repository of an organization. `id` is that of its source. */
export interface Mirror {
  id: SourceId
  uid: string
  organization: OrganizationId
  name: string
  /** As it was given, without a slash at the end. */
  url: string
  credential: CredentialId | null
  behavior: MirrorBehavior
  position: number
  /** How long one answer may take, in milliseconds. */
  timeout: number
  /** Patterns of names that may come from here, and that may not; null is no rule. */
  only: readonly string[] | null
  except: readonly string[] | null
  keepsArchives: boolean
  takesAll: boolean
  /** Versions that change what they may do on install are kept back; see `findSuspicion`. */
  holdsSuspects: boolean
  root: UpstreamRoot | null
  rootModified: string | null
  rootEtag: string | null
  rootCheckedAt: Instant | null
  feedSince: string | null
  failingSince: Instant | null
  state: 'new' | 'ready' | 'failing'
  problemCode: string | null
  problem: string | null
  /** The last complete refresh, the next one, and the time between two; null leaves that to the registry. */
  refreshedAt: Instant | null
  nextRefreshAt: Instant
  refreshSeconds: number | null
  createdAt: Instant
}
