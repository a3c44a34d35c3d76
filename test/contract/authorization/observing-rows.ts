/** How the commands of modules that read what others record are called by the matrix. */
import { on, open, type CommandRow, type MatrixWorld } from './command-matrix.ts'

type Rows = Record<string, CommandRow>

const PAGE = { limit: 10, after: null }
const JOB = open('a job of the registry itself')
const RANGE = { since: '2026-01-01', until: '2026-01-31' }
const key = ({ own }: MatrixWorld) => ({ organization: own.id, uid: 'x' })
const scope = ({ own }: MatrixWorld) => ({ organization: own.id })

export const WEBHOOK_ROWS: Rows = {
  createWebhook: on('webhook.create', ({ own }) => [
    { organization: own.id, url: 'https://hooks.example.org/', events: ['*'], packages: null, secret: null },
  ]),
  deliverEvents: JOB,
  disableWebhook: on('webhook.change', (world) => [key(world)]),
  enableWebhook: on('webhook.change', (world) => [key(world)]),
  getWebhook: on('webhook.list', (world) => [key(world)]),
  listDeliveries: on('webhook.log', (world) => [key(world), PAGE]),
  listWebhooks: on('webhook.list', ({ own }) => [own.id, PAGE]),
  pingWebhook: on('webhook.send', (world) => [key(world)]),
  purgeDeliveries: JOB,
  removeWebhook: on('webhook.remove', (world) => [key(world)]),
  resendDelivery: on('webhook.send', (world) => [key(world), 'x']),
  rotateWebhook: on('webhook.rotate', (world) => [key(world), null]),
  updateWebhookChoices: on('webhook.change', (world) => [key(world), { events: ['*'], packages: null }]),
}

export const NOTICE_ROWS: Rows = {
  areNoticesOn: on('notices.switch', ({ own }) => [own.id]),
  collectNotices: JOB,
  sendNotices: JOB,
  switchNotices: on('notices.switch', ({ own }) => [{ organization: own.id, on: false }]),
}

export const STATISTICS_ROWS: Rows = {
  countUsageAudiences: on('statistics.audiences', (world) => [scope(world), RANGE]),
  findDailySince: open('says since when figures are kept, the same for everybody'),
  getUsageOfRange: on('statistics.read', (world) => [scope(world), RANGE]),
  getUsageTotals: on('statistics.read', (world) => [scope(world)]),
  listTopUsage: on('statistics.read', (world) => [scope(world), { range: RANGE, by: 'package', limit: 10 }]),
  listUnknownInstalls: on('statistics.audiences', ({ own }) => [own.id]),
  listUsageSeries: on('statistics.read', (world) => [scope(world), { ...RANGE, step: 'day' }]),
  rollUpStatistics: JOB,
}

export const AUDIT_ROWS: Rows = {
  listAuditEvents: on('audit.read', (world) => [scope(world), PAGE]),
  listAuditEventsAfter: on('audit.read', (world) => [scope(world), 0]),
  purgeEvents: JOB,
  streamAuditEvents: on('audit.read', (world) => [scope(world)]),
}

export const MAIL_ROWS: Rows = {
  composeMail: open('writes a mail that a command is about to queue'),
  isMailConfigured: open('public: says whether mails can be sent at all'),
  purgeMails: JOB,
  sendMail: JOB,
}
