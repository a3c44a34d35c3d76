import type { InvitationId, JobId, OrganizationId, PackageId, SourceId, TeamId, TokenId, UserId, WebhookId } from './values.ts'

interface OfOrganization {
  organization: OrganizationId
}

interface OfMirror extends OfOrganization {
  source: SourceId
}

interface OfUser {
  organization: null
  user: UserId
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
  | { type: 'instance.backed-up'; organization: null; backup: string; withKey: boolean }
  | { type: 'instance.restored'; organization: null; backup: string; takenAt: number; revokedTokens: number }
  | ({ type: 'organization.created'; slug: string } & OfOrganization)
  | { type: 'user.created'; organization: null; user: UserId; email: string }
  | ({ type: 'user.renamed'; name: string } & OfUser)
  | ({ type: 'user.disabled'; email: string } & OfUser)
  | ({ type: 'user.enabled'; email: string } & OfUser)
  | ({ type: 'user.deleted'; email: string } & OfUser)
  | ({ type: 'user.promoted'; email: string } & OfUser)
  | ({ type: 'user.demoted'; email: string } & OfUser)
  | ({ type: 'user.signed-in'; method: string } & OfUser)
  | ({ type: 'user.signed-out' } & OfUser)
  | ({ type: 'user.second-factor-asked' } & OfUser)
  | { type: 'user.sign-in-failed'; organization: null; user: UserId | null; step: string }
  | ({ type: 'user.confirmed' } & OfUser)
  | ({ type: 'sessions.ended'; sessions: number } & OfUser)
  | ({ type: 'password.changed' } & OfUser)
  | ({ type: 'password.reset' } & OfUser)
  | { type: 'password.reset-requested'; organization: null; user: UserId | null }
  | ({ type: 'password.link-created' } & OfUser)
  | ({ type: 'email.confirmation-requested'; email: string } & OfUser)
  | ({ type: 'email.verified'; email: string } & OfUser)
  | ({ type: 'email.changed'; from: string; to: string } & OfUser)
  | ({ type: 'second-factor.added'; factor: string; name: string } & OfUser)
  | ({ type: 'second-factor.removed'; factor: string; name: string } & OfUser)
  | ({ type: 'recovery-codes.created' } & OfUser)
  | ({ type: 'recovery-code.used'; left: number } & OfUser)
  | { type: 'accounts.purged'; organization: null; sessions: number; links: number }
  | ({ type: 'member.added'; user: UserId; role: string } & OfOrganization)
  | ({ type: 'member.role-changed'; user: UserId; from: string; to: string } & OfOrganization)
  | ({ type: 'member.removed'; user: UserId; role: string } & OfOrganization)
  | ({ type: 'organization.settings-changed'; fields: readonly string[] } & OfOrganization)
  | ({ type: 'organization.slug-changed'; from: string; to: string } & OfOrganization)
  | ({ type: 'organization.deleted'; slug: string } & OfOrganization)
  | ({ type: 'organization.restored'; slug: string } & OfOrganization)
  | ({ type: 'organization.purge-stopped' } & OfOrganization)
  | { type: 'organization.purged'; organization: null; uid: string; slug: string }
  | ({ type: 'suborganization.created'; slug: string } & OfOrganization)
  | ({ type: 'suborganization.deleted'; slug: string } & OfOrganization)
  | ({ type: 'team.created'; team: TeamId; name: string } & OfOrganization)
  | ({ type: 'team.changed'; team: TeamId; name: string; fields: readonly string[] } & OfOrganization)
  | ({ type: 'team.deleted'; team: TeamId; name: string } & OfOrganization)
  | ({ type: 'team.member-added'; team: TeamId; name: string; user: UserId } & OfOrganization)
  | ({ type: 'team.member-removed'; team: TeamId; name: string; user: UserId } & OfOrganization)
  | ({ type: 'team.packages-added'; team: TeamId; name: string; packages: readonly string[] } & OfOrganization)
  | ({ type: 'team.packages-removed'; team: TeamId; name: string; packages: readonly string[] } & OfOrganization)
  | ({ type: 'team.assigned'; team: TeamId; name: string; role: string } & OfOrganization)
  | ({ type: 'team.unassigned'; team: TeamId; name: string } & OfOrganization)
  | ({ type: 'invitation.sent'; invitation: InvitationId; email: string; role: string } & OfOrganization)
  | ({ type: 'invitation.renewed'; invitation: InvitationId; email: string } & OfOrganization)
  | ({ type: 'invitation.cancelled'; invitation: InvitationId; email: string } & OfOrganization)
  | ({ type: 'invitation.accepted'; invitation: InvitationId; email: string; user: UserId } & OfOrganization)
  | ({ type: 'token.created'; token: TokenId; name: string; access: string } & OfOrganization)
  | ({ type: 'token.changed'; token: TokenId; name: string } & OfOrganization)
  | ({ type: 'token.rotated'; token: TokenId; name: string } & OfOrganization)
  | ({ type: 'token.revoked'; token: TokenId; name: string } & OfOrganization)
  | { type: 'personal-token.created'; organization: null; user: UserId; token: TokenId; name: string; access: string }
  | { type: 'personal-token.changed'; organization: null; user: UserId; token: TokenId; name: string }
  | { type: 'personal-token.rotated'; organization: null; user: UserId; token: TokenId; name: string }
  | { type: 'personal-token.revoked'; organization: null; user: UserId; token: TokenId; name: string }
  | ({ type: 'source.added'; source: SourceId; url: string } & OfOrganization)
  | ({ type: 'source.url-changed'; source: SourceId; from: string; to: string } & OfOrganization)
  | ({ type: 'source.accepted'; source: SourceId } & OfOrganization)
  | ({ type: 'source.removed'; source: SourceId; url: string } & OfOrganization)
  | ({ type: 'source.sync-requested'; source: SourceId } & OfOrganization)
  | ({ type: 'source.synced'; source: SourceId; versions: number; skipped: number } & OfOrganization)
  | ({ type: 'source.redefined'; source: SourceId; versions: number } & OfOrganization)
  | ({ type: 'source.manifests-changed'; source: SourceId; manifests: string } & OfOrganization)
  | ({ type: 'source.visibility-changed'; source: SourceId; visibility: string; archives: string } & OfOrganization)
  | ({ type: 'source.jobs-allowed'; source: SourceId; jobsOf: SourceId; allowed: string } & OfOrganization)
  | ({ type: 'source.publish-requested'; source: SourceId; ref: string } & OfOrganization)
  | ({ type: 'source.failed'; source: SourceId; code: string; problem: string } & OfOrganization)
  | ({ type: 'source.ref-rules-changed'; source: SourceId; rules: string } & OfOrganization)
  | { type: 'readmes.collected'; organization: null; readmes: number }
  | ({ type: 'source.interval-changed'; source: SourceId; seconds: number | null } & OfOrganization)
  | ({ type: 'source.credential-changed'; source: SourceId; credential: string } & OfOrganization)
  | ({ type: 'source.credential-checked'; source: SourceId; expires: string | null } & OfOrganization)
  | ({ type: 'source.paused'; source: SourceId; until: string } & OfOrganization)
  | ({ type: 'source.sync-postponed'; source: SourceId; until: string } & OfOrganization)
  | { type: 'sources.reconciled'; organization: null; sources: number }
  | ({ type: 'mirror.added'; name: string; url: string } & OfMirror)
  | ({ type: 'mirror.changed'; name: string; fields: readonly string[] } & OfMirror)
  | ({ type: 'mirror.removed'; name: string; url: string } & OfMirror)
  | ({ type: 'mirrors.ordered'; names: readonly string[] } & OfOrganization)
  | ({ type: 'mirror.refresh-requested' } & OfMirror)
  | ({ type: 'mirror.packages-requested'; names: readonly string[] } & OfMirror)
  | ({ type: 'mirror.packages-removed'; packages: number } & OfMirror)
  | ({ type: 'mirror.archives-requested' } & OfMirror)
  | ({ type: 'mirror.archives-fetched'; fetched: number; failed: number } & OfMirror)
  | ({ type: 'mirror.read' } & OfMirror)
  | ({ type: 'mirror.listed'; packages: number } & OfMirror)
  | ({ type: 'mirror.checked'; packages: number } & OfMirror)
  | ({ type: 'mirror.refreshed'; added: number; updated: number; removed: number; failed: number } & OfMirror)
  | ({ type: 'mirror.failed'; code: string; problem: string } & OfMirror)
  | ({ type: 'mirror.names-absent'; names: readonly string[] } & OfMirror)
  | ({ type: 'mirror.incident'; kind: string; subject: string; detail: string } & OfMirror)
  | ({ type: 'mirror.incident-dismissed'; kind: string; subject: string } & OfMirror)
  | { type: 'mirrors.scheduled'; organization: null; mirrors: number }
  | ({ type: 'names.reserved'; patterns: readonly string[] } & OfOrganization)
  | ({ type: 'names.released'; patterns: readonly string[] } & OfOrganization)
  | ({ type: 'package.mirrored'; versions: number } & OfPackage)
  | ({ type: 'package.gone-upstream' } & OfPackage)
  | ({ type: 'package.back-upstream' } & OfPackage)
  | ({ type: 'package.upstream-failed'; problem: string } & OfPackage)
  | ({ type: 'package.taken-over'; source: SourceId; mirror: SourceId } & OfPackage)
  | ({ type: 'source.hook-missed'; source: SourceId; since: number; found: number } & OfOrganization)
  | ({ type: 'hook.created'; source: SourceId } & OfOrganization)
  | ({ type: 'hook.rotated'; source: SourceId } & OfOrganization)
  | ({ type: 'hook.registration-requested'; source: SourceId } & OfOrganization)
  | ({ type: 'hook.registration-ended'; source: SourceId } & OfOrganization)
  | ({ type: 'hook.registered'; source: SourceId; problem: string | null } & OfOrganization)
  | { type: 'hook.unregistered'; organization: null; project: string }
  | ({ type: 'hook.received'; source: SourceId; provider: string; outcome: string; reason: string | null } & OfOrganization)
  | { type: 'hooks.purged'; organization: null; receipts: number }
  | ({ type: 'package.created'; source: SourceId } & OfPackage)
  | ({ type: 'package.deleted' } & OfPackage)
  | ({ type: 'package.abandoned'; replacement: string | null } & OfPackage)
  | ({ type: 'package.reinstated' } & OfPackage)
  | ({ type: 'change-feed.advanced'; changes: number } & OfOrganization)
  | ({ type: 'version.published'; version: string; reference: string } & OfPackage)
  | ({ type: 'version.reference-changed'; version: string; ref: string; from: string; to: string } & OfPackage)
  | ({ type: 'version.metadata-changed'; version: string } & OfPackage)
  | ({ type: 'version.removed'; version: string; reference: string } & OfPackage)
  | ({ type: 'version.restored'; version: string; reference: string } & OfPackage)
  | ({ type: 'artifact.uploaded'; version: string; reference: string; file: string; size: number } & OfPackage)
  | ({ type: 'dist.requested'; reference: string } & OfPackage)
  | ({ type: 'dist.built'; reference: string; size: number } & OfPackage)
  | ({ type: 'dists.retired'; archives: number } & OfPackage)
  | ({ type: 'dist.lost'; reference: string } & OfPackage)
  | ({ type: 'dist.differed'; reference: string; sha1: string } & OfPackage)
  | ({ type: 'dist.failed'; reference: string; problem: string } & OfPackage)
  | ({ type: 'lock.prefetch-requested'; packages: number } & OfOrganization)
  | ({ type: 'filter-entry.added'; list: string; name: string; versions: string } & OfOrganization)
  | ({ type: 'filter-entry.removed'; list: string; name: string; versions: string } & OfOrganization)
  | { type: 'filter-feeds.changed'; organization: null; added: number; removed: number }
  | { type: 'filter-feed.refreshed'; organization: OrganizationId | null; url: string; entries: number; changed: number }
  | { type: 'filter-feed.failed'; organization: OrganizationId | null; url: string; problem: string }
  | ({ type: 'repository.options-changed'; fields: readonly string[] } & OfOrganization)
  | ({ type: 'repository.message-added'; kind: string; versions: string; message: string } & OfOrganization)
  | ({ type: 'repository.message-removed'; kind: string; message: string } & OfOrganization)
  | ({ type: 'webhook.created'; webhook: WebhookId; name: string } & OfOrganization)
  | ({ type: 'webhook.changed'; webhook: WebhookId; name: string } & OfOrganization)
  | ({ type: 'webhook.rotated'; webhook: WebhookId; name: string } & OfOrganization)
  | ({ type: 'webhook.removed'; webhook: WebhookId; name: string } & OfOrganization)
  | ({ type: 'webhook.enabled'; webhook: WebhookId; name: string } & OfOrganization)
  | ({ type: 'webhook.disabled'; webhook: WebhookId; name: string; reason: string } & OfOrganization)
  | ({ type: 'webhook.pinged'; webhook: WebhookId; name: string } & OfOrganization)
  | ({ type: 'webhook.resent'; webhook: WebhookId; name: string; delivery: string } & OfOrganization)
  | ({ type: 'webhook.delivered'; webhook: WebhookId; delivery: string } & OfOrganization)
  | ({ type: 'webhook.failed'; webhook: WebhookId; delivery: string; problem: string } & OfOrganization)
  | { type: 'webhooks.purged'; organization: null; deliveries: number }
  | { type: 'mail.sent'; organization: OrganizationId | null; mail: string; kind: string }
  | { type: 'mail.failed'; organization: OrganizationId | null; mail: string; kind: string; problem: string }
  | { type: 'mails.purged'; organization: null; mails: number }
  | ({ type: 'notices.switched'; on: boolean } & OfOrganization)
  | ({ type: 'notices.sent'; notices: number; mails: number } & OfOrganization)
  | { type: 'notices.collected'; organization: null; notices: number }
  | { type: 'statistics.rolled-up'; organization: null; before: string; rows: number }
  | { type: 'events.purged'; organization: null; events: number }
  | {
      type: 'advisories.fetched'
      organization: OrganizationId | null
      feed: string
      added: number
      changed: number
      withdrawn: number
    }
  | { type: 'advisories.failed'; organization: OrganizationId | null; feed: string; problem: string }
  | { type: 'advisories.imported'; organization: null; added: number; changed: number; withdrawn: number }
  | { type: 'advisories.refresh-requested'; organization: null }
  | { type: 'advisories.feeds-changed'; organization: null; feeds: readonly string[] }
  | ({ type: 'advisory.added'; advisory: string; name: string } & OfOrganization)
  | ({ type: 'advisory.changed'; advisory: string; name: string } & OfOrganization)
  | ({ type: 'advisory.withdrawn'; advisory: string; name: string } & OfOrganization)
  | ({ type: 'advisories.scan-requested' } & OfOrganization)
  | { type: 'packages.scanned'; organization: null; packages: number }
  | ({ type: 'finding.opened'; advisories: readonly string[]; severity: string | null; isMirrored: boolean } & OfPackage)
  | ({ type: 'finding.resolved'; advisories: readonly string[] } & OfPackage)
  | ({ type: 'finding.changed'; finding: string; advisory: string; from: string; to: string; reason: string | null } & OfPackage)
  | { type: 'job.retried'; organization: OrganizationId | null; job: JobId }

/** An event with the uid of its row. */
export interface RecordedEvent {
  uid: string
  event: DomainEvent
}
