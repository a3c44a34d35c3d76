import { expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildUser, enter, visitor } from '../../../test/kit/people.ts'
import { switchUser } from '../access/manage-users.ts'
import { confirmEmail, findEmailOfLink, renameOwnUser, requestEmailChange, requestEmailVerification } from './change-email.ts'
import { getOwnUser } from './own-account.ts'

async function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
}

async function mailedSecret(app: TestApp): Promise<string> {
  await app.runJobs()
  return /\/app\/verify-email\/([\w-]{43})/.exec(app.mailer.sent.at(-1)?.text ?? '')?.[1] ?? 'none'
}

async function setUp() {
  const app = await createTestApp({ mail: true })
  const user = await buildUser(app)
  return { app, user, session: await enter(app) }
}

test('an address is verified by the link that was mailed to it, once', async () => {
  const { app, session } = await setUp()

  await requestEmailVerification(session.ctx())
  const secret = await mailedSecret(app)
  expect(await findEmailOfLink(visitor(app), secret)).toBe('ada@example.com')
  await confirmEmail(visitor(app), secret)

  expect((await getOwnUser(session.ctx())).emailVerifiedAt).toBe(app.clock.now())
  expect(await outcomeOf(confirmEmail(visitor(app), secret))).toBe('link_not_valid')
  await requestEmailVerification(session.ctx())
  await app.runJobs()
  expect(app.mailer.sent).toHaveLength(1)
})

test('a change counts when the new address confirmed it, and the old one hears of it', async () => {
  const { app, session } = await setUp()

  await requestEmailChange(session.ctx(), { email: 'Countess@Example.com' })
  const secret = await mailedSecret(app)
  expect((await getOwnUser(session.ctx())).email).toBe('ada@example.com')
  await confirmEmail(visitor(app), secret)

  expect(await getOwnUser(session.ctx())).toMatchObject({ email: 'countess@example.com', emailVerifiedAt: app.clock.now() })
  await app.runJobs()
  expect(app.mailer.sent.map(({ to }) => to)).toEqual(['countess@example.com', 'ada@example.com'])
  await enter(app, 'countess@example.com')
})

test('abuse 44 an address that somebody else has gets no mail, and the asker no other answer', async () => {
  const { app, session } = await setUp()
  await buildUser(app, { email: 'taken@example.com', name: 'Taken' })

  await requestEmailChange(session.ctx(), { email: 'taken@example.com' })

  await app.runJobs()
  expect(app.mailer.sent).toEqual([])
})

test('an address that somebody else took meanwhile is refused, and the link stays for the day', async () => {
  const { app, session } = await setUp()
  await requestEmailChange(session.ctx(), { email: 'late@example.com' })
  const secret = await mailedSecret(app)
  await buildUser(app, { email: 'late@example.com', name: 'Late' })

  expect(await outcomeOf(confirmEmail(visitor(app), secret))).toBe('email_taken')
  expect((await getOwnUser(session.ctx())).email).toBe('ada@example.com')
})

test('a newer link, a day, or disabling ends a link', async () => {
  const { app, user, session } = await setUp()
  await requestEmailChange(session.ctx(), { email: 'one@example.com' })
  const first = await mailedSecret(app)
  await requestEmailChange(session.ctx(), { email: 'two@example.com' })
  const second = await mailedSecret(app)

  expect(await outcomeOf(confirmEmail(visitor(app), first))).toBe('link_not_valid')
  app.clock.advance('24 hours')
  expect(await outcomeOf(confirmEmail(visitor(app), second))).toBe('link_not_valid')
  await requestEmailChange((await enter(app)).ctx(), { email: 'three@example.com' })
  const third = await mailedSecret(app)
  await switchUser(app.ctx(), user.uid, 'disable')
  expect(await outcomeOf(confirmEmail(visitor(app), third))).toBe('link_not_valid')
})

test('a change is asked for by a confirmed session, five times an hour, with mail configured', async () => {
  const { app, session } = await setUp()
  for (let count = 0; count < 5; count += 1) {
    await requestEmailChange(session.ctx(), { email: `new${count}@example.com` })
  }
  expect(await outcomeOf(requestEmailChange(session.ctx(), { email: 'new@example.com' }))).toBe('request_limited')
  expect(await outcomeOf(requestEmailChange(session.ctx(), { email: 'ada@example.com' }))).toBe('invalid_input')
  app.clock.advance('15 minutes')
  expect(await outcomeOf(requestEmailChange(session.ctx(), { email: 'new@example.com' }))).toBe('confirmation_required')
  expect(await outcomeOf(requestEmailChange(visitor(app), { email: 'new@example.com' }))).toBe('sign_in_required')
  await app.runJobs()

  const silent = await createTestApp()
  await buildUser(silent)
  const outcome = outcomeOf(requestEmailChange((await enter(silent)).ctx(), { email: 'new@example.com' }))
  expect(await outcome).toBe('invalid_input')
})

test('a name is changed by its owner', async () => {
  const { app, session } = await setUp()

  await renameOwnUser(session.ctx(), { name: ' Ada King ' })

  expect((await getOwnUser(session.ctx())).name).toBe('Ada King')
  expect(await outcomeOf(renameOwnUser(session.ctx(), { name: 'line\nbreak' }))).toBe('invalid_input')
  expect(await outcomeOf(renameOwnUser(visitor(app), { name: 'Eve' }))).toBe('sign_in_required')
})
