import { expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { DomainError } from '../kernel/errors.ts'
import { composeMail, isMailConfigured, purgeMails, queueMail, type MailDraft } from './index.ts'
import { renderMail } from './render-mail.ts'

const DRAFT: MailDraft = {
  kind: 'trial',
  to: 'Jane@Example.org',
  subject: 'Hello',
  paragraphs: ['Welcome.', { link: 'Sign in', path: '/login?token=0NCE' }],
  organization: null,
  lane: 'interactive',
}

async function queue(app: TestApp, draft: Partial<MailDraft> = {}): Promise<string> {
  const ctx = app.ctx()
  const mail = composeMail(ctx, { ...DRAFT, ...draft })
  return ctx.transaction(async (tx) => {
    await tx.record({ type: 'instance.address-changed', organization: null, url: null })
    return queueMail(tx, mail)
  })
}

const rows = (app: TestApp) => app.ports.database.read.selectFrom('mails').selectAll().execute()

test('a queued mail is sent once, with links below the configured address, and its content is erased', async () => {
  const app = await createTestApp({ mail: true })

  expect(await queue(app)).toBe('queued')
  const [before] = await rows(app)
  await app.runJobs()

  expect(before!.content).not.toContain('0NCE')
  expect(app.mailer.sent).toMatchObject([{ id: before!.uid, to: 'jane@example.org', subject: 'Hello' }])
  expect(app.mailer.sent[0]!.text).toContain('Sign in:\nhttps://packages.example.org/login?token=0NCE\n')
  expect(await rows(app)).toMatchObject([{ state: 'sent', content: null }])
})

test('a mail that cannot be handed over is tried for a day and then given up, with its content erased', async () => {
  const app = await createTestApp({ mail: true })
  app.mailer.refuse = () => new DomainError('mail_unavailable', { problem: 'the server is away' })
  await queue(app)

  await app.runJobs()
  expect(await rows(app)).toMatchObject([{ state: 'queued', content: expect.any(String) }])
  for (let hour = 0; hour < 25; hour += 1) {
    app.clock.advance('1 hour')
    await app.runJobs()
  }

  expect(await rows(app)).toMatchObject([
    { state: 'failed', content: null, problem: expect.stringContaining('the server is away') },
  ])
  expect(app.warnings.splice(0).filter((line) => line.includes('given up'))).toHaveLength(1)
})

test('a refused mail is given up at once and another is not held up', async () => {
  const app = await createTestApp({ mail: true })
  app.mailer.refuse = ({ to }) => (to.startsWith('bad') ? new DomainError('mail_refused', { problem: 'no such user' }) : null)
  await queue(app, { to: 'bad@example.org' })
  await queue(app)

  await app.runJobs()

  expect((await rows(app)).map(({ state }) => state)).toEqual(['failed', 'sent'])
  expect(app.warnings.splice(0)).toHaveLength(1)
})

test('one address gets at most twenty mails within an hour', async () => {
  const app = await createTestApp({ mail: true })
  const outcomes: string[] = []
  for (let count = 0; count < 22; count += 1) {
    outcomes.push(await queue(app))
  }
  outcomes.push(await queue(app, { to: 'other@example.org' }))
  app.clock.advance('61 minutes')
  outcomes.push(await queue(app))
  await app.runJobs()

  expect(outcomes.map((outcome, index) => (outcome === 'limited' ? index : -1)).filter((index) => index >= 0)).toEqual([20, 21])
  expect(app.mailer.sent).toHaveLength(22)
})

test('without mail nothing is queued and callers can learn it', async () => {
  const app = await createTestApp()

  expect(isMailConfigured(app.ctx())).toBe(false)
  expect(await queue(app)).toBe('off')
  expect(await rows(app)).toEqual([])
})

test('mails that ended are forgotten after thirty days', async () => {
  const app = await createTestApp({ mail: true })
  await queue(app)
  await app.runJobs()
  app.clock.advance('29 days')
  expect(await purgeMails(app.ctx())).toBe(0)
  app.clock.advance('2 days')
  expect(await purgeMails(app.ctx())).toBe(1)
})

test('texts of foreign origin stay inert in subject, text and HTML', () => {
  const evil = 'a\r\nBcc: x@example.org\u202e\u200b\u001b[31m<img src=x onerror=1>"\ud800'

  const mail = renderMail({ subject: evil, paragraphs: [evil, { list: [evil] }] }, null)

  expect(mail.subject).toBe('a Bcc: x@example.org<img src=x onerror=1>"\ufffd')
  expect(mail.text).toContain('- a Bcc: x@example.org<img src=x onerror=1>"')
  expect(mail.html).not.toContain('<img')
  expect(mail.html).toContain('&lt;img src=x onerror=1&gt;&quot;')
})

test('without a configured address a mail has no link and says so', () => {
  const { text, html } = renderMail(DRAFT, null)

  expect(text).toContain('open /login?token=0NCE at the address of your Repertoire')
  expect(html).not.toContain('href')
})
