import { findLastingToken } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { SourceId, TokenId, WebhookId } from '../kernel/values.ts'
import type { Organization } from '../organizations/index.ts'
import { findSource } from '../sources/index.ts'
import { findSwitchedOff } from '../webhooks/index.ts'
import type { Notice, NoticeKind } from './notices.sql.ts'

/** Lines of one kind in a mail. */
const MOST_LINES = 50
const DAY = 24 * 60 * 60 * 1000

/** What a mail of notices says. */
export interface NoticeText {
  subject: string
  paragraphs: (string | { list: string[] })[]
}

interface Section {
  kind: NoticeKind
  one: string
  many: (count: number) => string
  describe(ctx: Ctx, organization: Organization, subject: string): Promise<string | null>
}

const SECTIONS: readonly Section[] = [
  {
    kind: 'source_failing',
    one: 'A source cannot be synced. Its packages stay as they are; new versions do not arrive:',
    many: (count) => `${count} sources cannot be synced. Their packages stay as they are; new versions do not arrive:`,
    describe: describeFailing,
  },
  {
    kind: 'source_recovered',
    one: 'A source works again:',
    many: (count) => `${count} sources work again:`,
    describe: async (ctx, organization, subject) => (await findOwnSource(ctx, organization, subject))?.url ?? null,
  },
  {
    kind: 'token_expiring',
    one: 'A token ends soon; what uses it will be refused then:',
    many: (count) => `${count} tokens end soon; what uses them will be refused then:`,
    describe: describeToken,
  },
  {
    kind: 'webhook_disabled',
    one: 'An outgoing hook was switched off. Switch it on again when its receiver is repaired:',
    many: (count) => `${count} outgoing hooks were switched off. Switch them on again when their receivers are repaired:`,
    describe: describeWebhook,
  },
]

/** The mail about these notices, by kind; null when nothing of what they are about is still so. */
export async function describeNotices(
  ctx: Ctx,
  organization: Organization,
  notices: readonly Notice[],
): Promise<NoticeText | null> {
  const paragraphs: NoticeText['paragraphs'] = []
  const heads: string[] = []
  for (const section of SECTIONS) {
    const lines = await describeSection(ctx, organization, { section, notices })
    if (lines.length > 0) {
      const head = lines.length === 1 ? section.one : section.many(lines.length)
      heads.push(head.replace(/[.:;].*$/s, ''))
      paragraphs.push(head, { list: cutLines(lines) })
    }
  }
  const [first] = heads
  if (first === undefined) {
    return null
  }
  const more = heads.length > 1 ? ', and more' : ''
  paragraphs.push(`You get this because you are an owner or admin of ${organization.name}, which can switch such mails off.`)
  return { subject: `${organization.name}: ${first}${more}`, paragraphs }
}

async function describeSection(
  ctx: Ctx,
  organization: Organization,
  { section, notices }: { section: Section; notices: readonly Notice[] },
): Promise<string[]> {
  const lines: string[] = []
  for (const { subject } of notices.filter(({ kind }) => kind === section.kind)) {
    const line = await section.describe(ctx, organization, subject)
    if (line !== null) {
      lines.push(line)
    }
  }
  return lines
}

function cutLines(lines: string[]): string[] {
  return lines.length <= MOST_LINES ? lines : [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} more`]
}

async function findOwnSource(ctx: Ctx, organization: Organization, subject: string) {
  const source = await findSource(ctx.db, Number(subject) as SourceId)
  return source?.organization === organization.id ? source : null
}

async function describeFailing(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const source = await findOwnSource(ctx, organization, subject)
  return source === null ? null : `${source.url}: ${source.problem ?? 'the reason is not known'}`
}

async function describeToken(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const [id, expiresAt] = subject.split(':').map(Number)
  const token = await findLastingToken(ctx.db, organization.id, id as TokenId)
  if (token === null || token.expiresAt === null || token.expiresAt !== expiresAt || token.expiresAt <= ctx.now) {
    return null
  }
  const days = Math.ceil((token.expiresAt - ctx.now) / DAY)
  const day = new Date(token.expiresAt).toISOString().slice(0, 10)
  return `${token.name}: ends on ${day}, in ${days} ${days === 1 ? 'day' : 'days'}`
}

async function describeWebhook(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const webhook = await findSwitchedOff(ctx.db, organization.id, Number(subject) as WebhookId)
  return webhook === null ? null : `${webhook.name}: ${webhook.reason ?? 'the reason is not known'}`
}
