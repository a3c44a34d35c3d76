export { areBlobsHeld, holdBlobs, releaseBlobs } from './backup-hold.sql.ts'
export { claimSetting, findSetting, putSetting, putSettingOnce } from './settings.sql.ts'
