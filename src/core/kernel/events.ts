import type { JobId, OrganizationId, PackageId, SourceId, TokenId, UserId } from './values.ts'

interface OfOrganization {
  organization: OrganizationId
}

interface OfPackage extends OfOrganization {
  package: PackageId
  name: string
}

/**
 * Every fact that the registry records, `noun.verb-past`. A command that changes state records at
 * least one in the same transaction. Events hold names and ids, never secrets.
 */
export type DomainEvent =
  | { type: 'instance.set-up'; organization: OrganizationId; user: UserId }
  | { type: 'instance.address-changed'; organization: null; url: string | null }
  | { type: 'instance.set-up-opened'; organization: null }
  | ({ type: 'organization.created'; slug: string } & OfOrganization)
  | { type: 'user.created'; organization: null; user: UserId; email: string }
  | ({ type: 'member.added'; user: UserId; role: string } & OfOrganization)
  | ({ type: 'token.created'; token: TokenId; name: string; access: string } & OfOrganization)
  | ({ type: 'token.revoked'; token: TokenId; name: string } & OfOrganization)
  | ({ type: 'source.added'; source: SourceId; url: string } & OfOrganization)
  | ({ type: 'source.removed'; source: SourceId; url: string } & OfOrganization)
  | ({ type: 'source.sync-requested'; source: SourceId } & OfOrganization)
  | ({ type: 'source.synced'; source: SourceId; versions: number; skipped: number } & OfOrganization)
  | ({ type: 'source.failed'; source: SourceId; code: string; problem: string } & OfOrganization)
  | ({ type: 'source.interval-changed'; source: SourceId; seconds: number | null } & OfOrganization)
  | { type: 'sources.reconciled'; organization: null; sources: number }
  | ({ type: 'source.hook-missed'; source: SourceId; since: number; found: number } & OfOrganization)
  | ({ type: 'hook.created'; source: SourceId } & OfOrganization)
  | ({ type: 'hook.rotated'; source: SourceId } & OfOrganization)
  | ({ type: 'hook.received'; source: SourceId; provider: string; outcome: string; reason: string | null } & OfOrganization)
  | { type: 'hooks.purged'; organization: null; receipts: number }
  | ({ type: 'package.created'; source: SourceId } & OfPackage)
  | ({ type: 'package.deleted' } & OfPackage)
  | ({ type: 'version.published'; version: string; reference: string } & OfPackage)
  | ({ type: 'version.reference-changed'; version: string; from: string; to: string } & OfPackage)
  | ({ type: 'version.metadata-changed'; version: string } & OfPackage)
  | ({ type: 'version.removed'; version: string; reference: string } & OfPackage)
  | ({ type: 'version.restored'; version: string; reference: string } & OfPackage)
  | ({ type: 'artifact.uploaded'; version: string; reference: string; file: string; size: number } & OfPackage)
  | ({ type: 'dist.requested'; reference: string } & OfPackage)
  | ({ type: 'dist.built'; reference: string; size: number } & OfPackage)
  | ({ type: 'dist.lost'; reference: string } & OfPackage)
  | { type: 'job.retried'; organization: OrganizationId | null; job: JobId }
