import { findLastingToken } from '../access/index.ts'
import { selectOpenedAt } from '../advisories/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import type { CredentialId, Instant, PackageId, SourceId, TokenId, WebhookId } from '../kernel/values.ts'
import { findMirror, findOpenIncident } from '../mirrors/index.ts'
import type { Organization } from '../organizations/index.ts'
import { findPackageById } from '../packages/index.ts'
import { findSource, findUsedCredential } from '../sources/index.ts'
import { findSwitchedOff } from '../webhooks/index.ts'
import type { Notice, NoticeKind } from './notices.sql.ts'

/** Lines of one kind in a mail. */
const MOST_LINES = 50
/** Advisories that one line names. */
const MOST_FINDINGS = 5
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
    kind: 'credential_refused',
    one: 'A host refuses the credential of a source, or wants one; new versions do not arrive until it has one that works:',
    many: (count) =>
      `The credentials of ${count} sources are refused by their hosts; new versions do not arrive until they have some that work:`,
    describe: describeFailing,
  },
  {
    kind: 'source_recovered',
    one: 'A source works again:',
    many: (count) => `${count} sources work again:`,
    describe: async (ctx, organization, subject) => (await findOwnSource(ctx, organization, subject))?.url ?? null,
  },
  {
    kind: 'tag_moved',
    one: 'A published tag was moved to another commit. New installations get what it leads to now; lock files keep what they have:',
    many: (count) =>
      `${count} published tags were moved to other commits. New installations get what they lead to now; lock files keep what they have:`,
    describe: describeMoved,
  },
  {
    kind: 'mirror_incident',
    one: 'An upstream repository did something that deserves a look; what was mirrored before stays as it was:',
    many: (count) => `Upstream repositories did ${count} things that deserve a look; what was mirrored before stays as it was:`,
    describe: describeIncident,
  },
  {
    kind: 'finding_opened',
    one: 'A package is affected by security advisories, itself or by what it requires:',
    many: (count) => `${count} packages are affected by security advisories, themselves or by what they require:`,
    describe: describeFindings,
  },
  {
    kind: 'credential_expiring',
    one: 'The credential of a source ends soon; without another one new versions do not arrive then:',
    many: (count) => `The credentials of ${count} sources end soon; without others new versions do not arrive then:`,
    describe: describeCredential,
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
  return token === null ? null : describeEnd(ctx, { name: token.name, expiresAt: token.expiresAt }, expiresAt)
}

async function describeCredential(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const [id, expiresAt] = subject.split(':').map(Number)
  const credential = await findUsedCredential(ctx.db, organization.id, id as CredentialId)
  return credential === null ? null : describeEnd(ctx, { name: credential.url, expiresAt: credential.expiresAt }, expiresAt)
}

/** Null when the end was moved since it was noted, or is over. */
function describeEnd(
  ctx: Ctx,
  { name, expiresAt }: { name: string; expiresAt: Instant | null },
  noted: number | undefined,
): string | null {
  if (expiresAt === null || expiresAt !== noted || expiresAt <= ctx.now) {
    return null
  }
  const days = Math.ceil((expiresAt - ctx.now) / DAY)
  const day = new Date(expiresAt).toISOString().slice(0, 10)
  return `${name}: ends on ${day}, in ${days} ${days === 1 ? 'day' : 'days'}`
}

async function describeMoved(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const [, id, reference, version] = /^(\d+):([^:]*):(.*)$/s.exec(subject) ?? []
  const moved = await findPackageById(ctx.db, Number(id) as PackageId)
  return moved?.organization === organization.id ? `${moved.name} ${version} leads to ${reference}` : null
}

/** Only what is still open of what was found at that time. */
async function describeFindings(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const [id, at] = subject.split(':').map(Number)
  const found = (await selectOpenedAt(ctx.db, id as PackageId, at ?? 0)).filter((one) => one.organization === organization.id)
  const [first] = found
  if (first === undefined) {
    return null
  }
  const texts = found.slice(0, MOST_FINDINGS).map(({ advisory, affectedPackage }) => {
    const about = affectedPackage === first.packageName ? '' : `${affectedPackage}: `
    const marks = [advisory.cve ?? advisory.advisoryId, advisory.severity].filter((mark) => mark !== null)
    return `${about}${advisory.title} (${marks.join(', ')})`
  })
  const more = found.length > MOST_FINDINGS ? `; and ${found.length - MOST_FINDINGS} more` : ''
  return `${first.packageName}: ${texts.join('; ')}${more}`
}

/** Null when somebody has looked at it already. */
async function describeIncident(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const [, source = '', kind = '', about = ''] = /^(\d+):([^:]*):(.*)$/s.exec(subject) ?? []
  const mirror = await findMirror(ctx.db, Number(source) as SourceId)
  const incident =
    mirror?.organization === organization.id ? await findOpenIncident(ctx.db, mirror.id, { kind, subject: about }) : null
  return mirror === null || incident === null ? null : `${mirror.name}: ${incident.detail}`
}

async function describeWebhook(ctx: Ctx, organization: Organization, subject: string): Promise<string | null> {
  const webhook = await findSwitchedOff(ctx.db, organization.id, Number(subject) as WebhookId)
  return webhook === null ? null : `${webhook.name}: ${webhook.reason ?? 'the reason is not known'}`
}
