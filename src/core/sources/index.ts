export { addCustomSource, type AddCustomSource, type DefinedSource } from './add-custom-source.ts'
export { cloneUrl } from './clone-url.ts'
export { selectRawManifests, selectSourcesById } from './raw-manifests.sql.ts'
export { allowJobs } from './allow-jobs.ts'
export { askUpstreamHost } from './ask-host.ts'
export { allowsJobsOf } from './job-allowances.sql.ts'
export { acceptRepository } from './accept-repository.ts'
export { findSourcesByUrl, findSourcesOfPackage, getSyncJob } from './find-by-url.ts'
export { setSourceUrl } from './set-source-url.ts'
export { setSourceVisibility } from './set-visibility.ts'
export { findSourceByPath } from './source-path.sql.ts'
export { visibleSources } from './source-visibility.ts'
export { addSource, enqueueSync, type AddedSource, type AddSource } from './add-source.ts'
export type { Artifact } from './artifacts.sql.ts'
export { buildArchive, type ArchiveTools, type BuildArchive } from './build-archive.ts'
export {
  openCredential,
  openSealedCredential,
  openUpstreamCredential,
  requireFittingCredential,
  sealCredential,
  storeCredential,
  type CredentialInput,
} from './credentials.ts'
export { detachHook } from './detach-hook.ts'
export {
  deleteRegistration,
  findRegistration,
  findRegistrationOf,
  putRegistration,
  recordRegistration,
  type HookRegistration,
} from './hook-registrations.sql.ts'
export { assignCredential, deleteCredential, findUsedCredential, selectExpiringCredentials } from './credentials.sql.ts'
export { discardSources } from './discard-sources.ts'
export { deleteVersion, mayDeleteVersions } from './delete-version.ts'
export { deletePackage } from './delete-package.ts'
export { importSatis, type ImportedRepository } from './import-satis.ts'
export { listSourceStates, type SourceState } from './list-source-states.ts'
export { collectBlobs, scrubBlobs } from './maintain-blobs.ts'
export { listArtifacts, removeArtifact } from './manage-artifacts.ts'
export { getSource, listSkippedRefs, listSources, removeSource, requestSync } from './manage-sources.ts'
export { syncInterval } from './plan-next-sync.ts'
export { retireArchives } from './retire-archives.ts'
export { prebuildArchives } from './prebuild-archives.ts'
export type { CustomManifest } from './read-definition.ts'
export { readSatis, type Satis } from './read-satis.ts'
export { reconcileSources, type Reconciliation } from './reconcile-sources.ts'
export { lockForDelivery, markHooked } from './reconcile.sql.ts'
export { authorizePublishing, publishRef, type RefRule } from './publish-ref.ts'
export { parseManifestGlobs } from './manifest-globs.ts'
export { areArchivesBuilt, isCloneable, noteArchivesBuilt } from './archives-built.ts'
export { setCredential, type SetCredential } from './set-credential.ts'
export { setManifests } from './set-manifests.ts'
export { setRefRules } from './set-ref-rules.ts'
export { collectReadmes } from './collect-readmes.ts'
export { findReadmeOfVersion, type StoredReadme } from './readmes.sql.ts'
export { listSyncRuns, type SyncLog } from './list-sync-runs.ts'
export { insertSyncRun, NO_COUNTS, selectSyncRuns, type SyncCounts, type SyncDetails, type SyncRun } from './sync-runs.sql.ts'
export { setSyncInterval } from './set-sync-interval.ts'
export type { SkippedRefRow } from './source-refs.sql.ts'
export { selectRevisions } from './source-revisions.sql.ts'
export { getSourceHealth, type SourceHealth } from './source-health.ts'
export {
  deleteSourceRow,
  findSource,
  findSourceAnywhere,
  insertSource,
  lockSource,
  summarizeSources,
  type Source,
} from './sources.sql.ts'
export { syncSource, type SyncOutcome } from './sync-source.ts'
export { findUpstream, selectUnfetched, selectUpstreams, type Upstream } from './custom-sources.sql.ts'
export { receiveUpload, type ReceivedUpload } from './receive-upload.ts'
export { logDiffering, recordArchives, recordArchivesWithin, type StoredArchive } from './record-archives.ts'
export { getCustomDefinition, updateCustomSource } from './update-custom-source.ts'
export { uploadArtifact, type UploadArtifact, type UploadedArtifact } from './upload-artifact.ts'
export { toAuthorization } from './http-authorization.ts'
