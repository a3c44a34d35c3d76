export { collectNotices } from './collect-notices.ts'
export { noticeEvents } from './notice-events.ts'
export { sendNotices } from './send-notices.ts'
export { areNoticesOn, switchNotices } from './switch-notices.ts'
