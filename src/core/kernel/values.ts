/** A point in time: milliseconds since 1970-01-01 UTC, in memory and in both databases. */
export type Instant = number

/** A row id, typed by the noun that it belongs to so that ids of two nouns cannot be mixed up. */
export type Id<Noun extends string> = number & { readonly __noun: Noun }

/** Identifies a user. */
export type UserId = Id<'user'>
/** Identifies an organization or suborganization. */
export type OrganizationId = Id<'organization'>
/** Identifies a signed-in session of a user. */
export type SessionId = Id<'session'>
/** Identifies a team of an organization. */
export type TeamId = Id<'team'>
/** Identifies an invitation to an organization. */
export type InvitationId = Id<'invitation'>
/** Identifies a one-time link or step of an account. */
export type AccountLinkId = Id<'accountLink'>
/** Identifies a passkey. */
export type PasskeyId = Id<'passkey'>
/** Identifies a token. */
export type TokenId = Id<'token'>
/** Identifies a credential that the registry uses towards a version control host. */
export type CredentialId = Id<'credential'>
/** Identifies a source. */
export type SourceId = Id<'source'>
/** Identifies a stored manifest text. */
export type ManifestId = Id<'manifest'>
/** Key of a README's text. */
export type ReadmeId = Id<'readme'>
/** Key of a recorded sync. */
export type SyncRunId = Id<'syncRun'>
/** Key of a hook at a Git host. */
export type HookRegistrationId = Id<'hookRegistration'>
/** Identifies a package. */
export type PackageId = Id<'package'>
/** Identifies a version. */
export type VersionId = Id<'version'>
/** Identifies a dist. */
export type DistId = Id<'dist'>
/** Identifies the hook of a source. */
export type HookId = Id<'hook'>
/** Identifies the receipt of a delivery. */
export type HookReceiptId = Id<'hookReceipt'>
/** Identifies an outgoing hook. */
export type WebhookId = Id<'webhook'>
/** Identifies what is to be delivered to an outgoing hook. */
export type WebhookDeliveryId = Id<'webhookDelivery'>
/** Identifies a mail. */
export type MailId = Id<'mail'>
/** Identifies something that the administrators of an organization are told. */
export type NoticeId = Id<'notice'>
/** Identifies an uploaded archive. */
export type ArtifactId = Id<'artifact'>
/** Identifies an incident of a mirror. */
export type MirrorIncidentId = Id<'mirrorIncident'>
/** Identifies where advisories come from. */
export type AdvisoryFeedId = Id<'advisoryFeed'>
/** Identifies an advisory. */
export type AdvisoryId = Id<'advisory'>
/** Identifies a finding. */
export type FindingId = Id<'finding'>
/** Identifies an entry of a filter list. */
export type FilterEntryId = Id<'filterEntry'>
/** Identifies a job. */
export type JobId = Id<'job'>
/** Identifies an event. */
export type EventId = Id<'event'>

/** The second in which an instant lies; Composer revalidates at this resolution (contract CO-041). */
export function toSeconds(instant: Instant): number {
  return Math.floor(instant / 1000)
}
