/** What Pricore calls activity is in the audit log (contract pricore.md §12; the table of docs/api/pricore.md). */
import { expect, test } from 'bun:test'
import { addMember, changeMemberRole, removeMember, revokeToken, sendInvitation } from '../../../src/core/access/index.ts'
import { listAuditEvents } from '../../../src/core/audit/index.ts'
import { addSource, deletePackage, removeSource } from '../../../src/core/sources/index.ts'
import { createTestApp } from '../../kit/app.ts'
import { buildPackage, buildToken } from '../../kit/build.ts'
import { buildPerson } from '../../kit/members.ts'

test('PR-903 what happens to sources, packages, people and tokens is recorded with who did it', async () => {
  const app = await createTestApp()
  app.leaveJobs()
  const organization = await app.organization()
  const ctx = () => app.ctx()
  const { source } = await addSource(ctx(), {
    organization: organization.id,
    url: 'https://git.example.org/a.git',
    credential: null,
  })
  await buildPackage(app, { organization: organization.id })
  await deletePackage(ctx(), { organization: organization.id, name: 'acme/http' })
  await removeSource(ctx(), source)
  const { uid } = await buildToken(app, organization.id)
  await revokeToken(ctx(), { owner: { organization: organization.id }, uid })
  const eve = await buildPerson(app, 'eve')
  await addMember(ctx(), { organization, user: eve.email, role: 'member' })
  await changeMemberRole(ctx(), { organization, user: eve.uid, role: 'admin' })
  await removeMember(ctx(), { organization, user: eve.uid })
  await sendInvitation(ctx(), { organization, email: 'new@example.org', role: 'member', teams: [] })

  const { items } = await listAuditEvents(ctx(), { organization: organization.id }, { limit: 100, after: null })

  const recorded = items.map(({ type }) => type)
  expect(recorded).toEqual(
    expect.arrayContaining([
      'source.added',
      'source.synced',
      'package.created',
      'package.deleted',
      'source.removed',
      'token.created',
      'token.revoked',
      'member.added',
      'member.role-changed',
      'member.removed',
      'invitation.sent',
    ]),
  )
})
