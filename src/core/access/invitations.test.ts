import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { buildMember, buildPerson, failureOf } from '../../../test/kit/members.ts'
import type { Actor } from '../kernel/actor.ts'
import { findRole, selectTeamsOf } from '../organizations/index.ts'
import { acceptInvitation, describeInvitation, registerByInvitation } from './accept-invitation.ts'
import { cancelInvitation, listInvitations, renewInvitation, sendInvitation, type SentInvitation } from './invitations.ts'
import { changeMemberRole, removeMember } from './manage-members.ts'
import { deleteOrganization } from './manage-organizations.ts'
import { createTeam, deleteTeam } from './manage-teams.ts'

const ANONYMOUS: Actor = { kind: 'anonymous' }
const PASSWORD = 'a long and winding road'

async function setUp(app?: TestApp) {
  const own = app ?? (await createTestApp())
  const organization = await own.organization()
  const owner = await buildMember(own, organization, 'owner', 'owner')
  const admin = await buildMember(own, organization, 'admin', 'admin')
  const send = (by: Actor = admin.actor, email = 'new@example.org', role = 'member', teams: string[] = []) =>
    sendInvitation(own.ctx(by), { organization, email, role, teams })
  const register = (sent: SentInvitation) =>
    registerByInvitation(own.ctx(ANONYMOUS), { secret: sent.secret ?? '', name: 'Nora New', password: PASSWORD })
  const states = async () => {
    const page = { limit: 50, after: null }
    const { items } = await listInvitations(own.ctx(admin.actor), { organization: organization.id, page })
    return items.map(({ email, state }) => [email, state])
  }
  return { app: own, organization, owner, admin, send, register, states }
}

describe('PR-905 an invitation', () => {
  test('is a link of 64 characters for 7 days, of which only the hash is stored', async () => {
    const { app, send, states } = await setUp()

    const { invitation, secret } = await send()

    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    expect(invitation.expiresAt - app.clock.now()).toBe(7 * 24 * 3_600_000)
    expect(await states()).toEqual([['new@example.org', 'pending']])
    const stored = JSON.stringify(await app.test.database.read.selectFrom('invitations').selectAll().execute())
    const events = JSON.stringify(await app.test.database.read.selectFrom('events').selectAll().execute())
    expect(stored + events).not.toContain(secret ?? '')
    expect(await describeInvitation(app.ctx(ANONYMOUS), secret ?? '')).toMatchObject({
      organization: { slug: 'acme' },
      email: 'new@example.org',
      role: 'member',
      state: 'pending',
    })
  })

  test('creates the account and the membership together, and works once', async () => {
    const { app, organization, send, register, states } = await setUp()
    const sent = await send(undefined, ' New@Example.org ')

    const { user } = await register(sent)

    expect(user.email).toBe('new@example.org')
    expect(await findRole(app.test.database.read, organization.id, user.id)).toBe('member')
    expect(await states()).toEqual([['new@example.org', 'accepted']])
    expect(await failureOf(register(sent))).toBe('invitation_closed')
    const other = await buildPerson(app, 'other')
    expect(await failureOf(acceptInvitation(app.ctx(other.actor), sent.secret ?? ''))).toBe('invitation_closed')
    expect(app.events.filter(({ type }) => /^(user\.created|member|invitation)/.test(type)).slice(-4, -1)).toMatchObject([
      { type: 'user.created' },
      { type: 'member.added', role: 'member' },
      { type: 'invitation.accepted', user: user.id },
    ])
  })

  test('survives registration: whoever has the link accepts it, also with another address', async () => {
    const { app, organization, send } = await setUp()
    const { secret } = await send(undefined, 'late@example.org', 'admin')
    const late = await buildPerson(app, 'late')
    const work = await buildPerson(app, 'work')
    const second = await send(undefined, 'private@example.org')

    await acceptInvitation(app.ctx(late.actor), secret ?? '')
    await acceptInvitation(app.ctx(work.actor), second.secret ?? '')

    expect(await findRole(app.test.database.read, organization.id, late.id)).toBe('admin')
    expect(await findRole(app.test.database.read, organization.id, work.id)).toBe('member')
  })

  test('of an address with an account is not registered again, and stays open for signing in', async () => {
    const { app, send, register, states } = await setUp()
    const late = await buildPerson(app, 'late')
    const sent = await send(undefined, 'late@example.org')

    expect(await failureOf(register(sent))).toBe('email_taken')
    expect(await states()).toEqual([['late@example.org', 'pending']])
    expect(await failureOf(acceptInvitation(app.ctx(late.actor), sent.secret ?? ''))).toBeNull()
  })

  test('is not accepted by a member, and not used up by the try', async () => {
    const { app, owner, send, states } = await setUp()
    const { secret } = await send()

    expect(await failureOf(acceptInvitation(app.ctx(owner.actor), secret ?? ''))).toBe('already_member')
    expect(await failureOf(acceptInvitation(app.ctx(ANONYMOUS), secret ?? ''))).toBe('sign_in_required')
    expect(await states()).toEqual([['new@example.org', 'pending']])
  })

  test('ends after 7 days, and a renewed one has a new link', async () => {
    const { app, organization, admin, send, register, states } = await setUp()
    const sent = await send()
    app.clock.advance('7 days')
    expect(await states()).toEqual([['new@example.org', 'expired']])
    expect(await failureOf(register(sent))).toBe('invitation_closed')

    const renewed = await renewInvitation(app.ctx(admin.actor), { organization, uid: sent.invitation.uid })

    expect(await states()).toEqual([['new@example.org', 'pending']])
    expect(await failureOf(register(sent))).toBe('invitation_not_found')
    await register(renewed)
    expect(await failureOf(renewInvitation(app.ctx(admin.actor), { organization, uid: sent.invitation.uid }))).toBe(
      'already_member',
    )
  })

  test('that is pending is not sent twice; an expired or cancelled one makes room', async () => {
    const { app, organization, admin, send, register, states } = await setUp()
    const first = await send()
    expect(await failureOf(send(undefined, 'NEW@example.org'))).toBe('already_invited')
    app.clock.advance('8 days')
    const second = await send()
    await cancelInvitation(app.ctx(admin.actor), { organization, uid: second.invitation.uid })
    const third = await send()

    expect(await states()).toEqual([
      ['new@example.org', 'cancelled'],
      ['new@example.org', 'cancelled'],
      ['new@example.org', 'pending'],
    ])
    expect([await failureOf(register(first)), await failureOf(register(second))]).toEqual([
      'invitation_closed',
      'invitation_closed',
    ])
    expect(await failureOf(cancelInvitation(app.ctx(admin.actor), { organization, uid: second.invitation.uid }))).toBe(
      'invitation_closed',
    )
    expect(await failureOf(renewInvitation(app.ctx(admin.actor), { organization, uid: 'none' }))).toBe('invitation_not_found')
    await register(third)
    expect(await failureOf(send())).toBe('already_member')
  })

  test('brings the person into teams that are still there', async () => {
    const { app, organization, send, register } = await setUp()
    const team = (name: string) => createTeam(app.ctx(), { organization, name, permissions: [], allPackages: false })
    const [stays, goes] = [await team('Stays'), await team('Goes')]
    const sent = await send(undefined, 'new@example.org', 'member', [stays.uid, goes.uid])
    await deleteTeam(app.ctx(), { organization, uid: goes.uid })

    const { user } = await register(sent)

    expect((await selectTeamsOf(app.test.database.read, organization.id, user.id)).map(({ name }) => name)).toEqual(['Stays'])
    expect(await failureOf(send(undefined, 'else@example.org', 'member', [goes.uid]))).toBe('team_not_found')
  })
})

describe('who invites', () => {
  test('admins invite members and admins, nobody invites owners, members invite nobody', async () => {
    const { app, organization, owner, send } = await setUp()
    const member = await buildMember(app, organization, 'member', 'member')
    const stranger = await buildPerson(app, 'stranger')

    expect(await failureOf(send(owner.actor, 'a@example.org', 'owner'))).toBe('invalid_input')
    expect(await failureOf(send(owner.actor, 'no address'))).toBe('invalid_input')
    expect(await failureOf(send(member.actor))).toBe('forbidden')
    expect(await failureOf(send(stranger.actor))).toBe('not_member')
    expect(await failureOf(send(owner.actor, 'a@example.org', 'admin'))).toBeNull()
  })

  test('loses the right to invite, and with it what was sent, until somebody else renews it', async () => {
    const { app, organization, owner, admin, send, register } = await setUp()
    const sent = await send()
    await changeMemberRole(app.ctx(owner.actor), { organization, user: admin.uid, role: 'member' })
    expect(await failureOf(register(sent))).toBe('invitation_closed')
    await removeMember(app.ctx(owner.actor), { organization, user: admin.uid })
    expect(await failureOf(register(sent))).toBe('invitation_closed')

    const renewed = await renewInvitation(app.ctx(owner.actor), { organization, uid: sent.invitation.uid })

    expect(await failureOf(register(renewed))).toBeNull()
  })

  test('abuse 38 is told nothing about accounts: an address with one is invited like any other', async () => {
    const { app, admin, send } = await setUp()
    await buildPerson(app, 'late')

    const known = await send(admin.actor, 'late@example.org')
    const unknown = await send(admin.actor, 'nobody@example.org')

    expect(Object.keys(known.invitation)).toEqual(Object.keys(unknown.invitation))
    expect([known.secret?.length, unknown.secret?.length]).toEqual([64, 64])
  })
})

test('abuse 42 a guessed, cut or foreign secret finds nothing', async () => {
  const { app, organization, send } = await setUp()
  const secret = (await send()).secret ?? ''
  const guesses = ['', 'f'.repeat(64), secret.slice(1), secret.toUpperCase(), `${secret} `, `${secret}/../x`, 'a'.repeat(100_000)]

  for (const guess of guesses.filter((one) => one !== secret)) {
    expect(await failureOf(describeInvitation(app.ctx(ANONYMOUS), guess))).toBe('invitation_not_found')
  }
  await deleteOrganization(app.ctx(), organization)
  expect(await failureOf(describeInvitation(app.ctx(ANONYMOUS), secret))).toBe('invitation_not_found')
})

test('a password that is too weak creates nothing and leaves the invitation open', async () => {
  const { app, send, states } = await setUp()
  const { secret } = await send()

  const weak = registerByInvitation(app.ctx(ANONYMOUS), { secret: secret ?? '', name: 'Nora', password: 'short' })

  expect(await failureOf(weak)).toBe('invalid_input')
  expect(await states()).toEqual([['new@example.org', 'pending']])
})

describe('where mail is configured', () => {
  async function invite(publicUrl: string | null) {
    const app = await createTestApp({ mail: true })
    app.ports.publicUrl = publicUrl
    const set = await setUp(app)
    const sent = await set.send()
    await app.runJobs()
    return { ...set, sent, mails: app.mailer.sent }
  }

  test('the link goes to the address and is shown to nobody, so it proves the address', async () => {
    const { app, sent, mails } = await invite('https://packages.example.test')

    expect(sent.secret).toBeNull()
    const [, secret = ''] =
      /https:\/\/packages\.example\.test\/app\/invitations\/([0-9a-f]{64})\b/.exec(mails[0]?.text ?? '') ?? []
    expect(mails.map(({ to }) => to)).toEqual(['new@example.org'])
    const { user } = await registerByInvitation(app.ctx(ANONYMOUS), { secret, name: 'Nora', password: PASSWORD })
    const row = app.test.database.read.selectFrom('users').select('email_verified_at').where('id', '=', user.id)
    expect(await row.executeTakeFirst()).toEqual({ email_verified_at: app.clock.now() })
  })

  test('but no public address, the link is shown and the address stays unproved', async () => {
    const { app, sent, mails, register } = await invite(null)

    expect(mails).toEqual([])
    const { user } = await register(sent)
    const row = app.test.database.read.selectFrom('users').select('email_verified_at').where('id', '=', user.id)
    expect(await row.executeTakeFirst()).toEqual({ email_verified_at: null })
  })
})
