export { selectAdvisingMirrors, type AdvisingMirror } from './advising-mirrors.sql.ts'
export { findMirror } from './mirrors.sql.ts'
export { askUpstream, requestUpstream, type UpstreamHost, type UpstreamRequest } from './upstream/index.ts'
export { selectArchiveProblems } from './archives/archive-incidents.sql.ts'
export { archiveSubject } from './archives/archive-problems.ts'
export { isChecksumShown } from './archives/download-address.ts'
export { findMirroredDist } from './archives/find-mirrored-dist.ts'
export { keepsArchives } from './archives/keeps-archives.sql.ts'
export { obtainMirroredArchive } from './archives/obtain-mirrored-archive.ts'
export { prefetchArchives, requestMirrorArchives, type PrefetchedArchives } from './archives/prefetch-archives.ts'
export { storeMirroredArchive } from './archives/store-mirrored-archive.ts'
export { addMirror, type AddedMirror, type AddMirror } from './add-mirror.ts'
export { changeMirror, orderMirrors, type ChangedMirror, type ChangeMirror } from './change-mirror.ts'
export { recordIncident, type IncidentKind, type NewIncident } from './incidents.ts'
export { findOpenIncident, type MirrorIncident } from './incidents.sql.ts'
export {
  dismissMirrorIncident,
  getMirror,
  listMirrorIncidents,
  listMirrorRuns,
  listMirrors,
  removeMirror,
  removeMirroredPackages,
  requestMirrorRefresh,
  type DescribedMirror,
} from './manage-mirrors.ts'
export { addMirroredPackages, listMirroredPackages } from './manage-mirrored-packages.ts'
export { listReservations, releaseNames, reserveNames } from './manage-reservations.ts'
export type { Mirror, MirrorBehavior } from './mirror.ts'
export type { MirrorChoices } from './mirrors.sql.ts'
export type { MirroredPackage } from './mirrored-packages.sql.ts'
export type { NameReservation } from './name-reservations.sql.ts'
export { ABSENCE_LASTS } from './absences.ts'
export { obtainMirroredPackage, type ObtainPackage } from './obtain-mirrored-package.ts'
export { findReservation, protectNames } from './protect-names.ts'
export { fetchMirroredPackage, refreshMirror } from './refresh-mirror.ts'
export { scheduleMirrors } from './schedule-mirrors.ts'
export { listUpstreamPatterns } from './upstream-patterns.ts'
