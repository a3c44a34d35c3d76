export { claimSetting, findSetting, putSetting, putSettingOnce } from './settings.sql.ts'
