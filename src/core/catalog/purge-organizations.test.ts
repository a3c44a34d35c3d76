import { describe, expect, test } from 'bun:test'
import { createTestApp, SYSTEM } from '../../../test/kit/app.ts'
import { buildPackage } from '../../../test/kit/build.ts'
import { buildMember, failureOf } from '../../../test/kit/members.ts'
import { createSuborganization, deleteOrganization, restoreOrganization, sendInvitation } from '../access/index.ts'
import { findOrganizationByPath } from '../organizations/index.ts'
import { listPackages } from '../packages/index.ts'
import { getSource, listSources, reconcileSources, requestSync } from '../sources/index.ts'
import { changeSlug } from './change-slug.ts'
import { purgeOrganizations } from './purge-organizations.ts'

const REPORT = { step: async () => {}, progress: () => {}, log: () => {} }

async function setUp() {
  const app = await createTestApp({ git: true })
  const organization = await app.organization()
  const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Child' })
  const other = await app.organization('other')
  for (const { id } of [organization, child, other]) {
    await buildPackage(app, { organization: id, name: 'acme/http' })
    await buildPackage(app, { organization: id, name: 'acme/log' })
  }
  await buildMember(app, organization, 'owner', 'owner')
  await sendInvitation(app.ctx(), { organization, email: 'new@example.org', role: 'member' })
  await app.token(child.id)
  const purge = () => purgeOrganizations(app.ctx(SYSTEM), REPORT)
  const countOf = async (table: 'organizations' | 'packages' | 'sources' | 'members' | 'tokens' | 'invitations') =>
    (await app.test.database.read.selectFrom(table).selectAll().execute()).length
  return { app, organization, child, other, purge, countOf }
}

describe('a deleted organization', () => {
  test('is removed for good after 30 days with everything of it, and nothing of others', async () => {
    const { app, organization, other, purge, countOf } = await setUp()
    await deleteOrganization(app.ctx(), organization)
    app.clock.advance('29 days')
    expect(await purge()).toBe(0)
    expect(await countOf('packages')).toBe(6)

    app.clock.advance('1 day')
    expect(await purge()).toBe(2)
    expect(await purge()).toBe(0)
    await app.runJobs()

    expect([await countOf('organizations'), await countOf('packages'), await countOf('sources')]).toEqual([1, 2, 2])
    expect([await countOf('members'), await countOf('tokens'), await countOf('invitations')]).toEqual([0, 0, 0])
    expect(await failureOf(restoreOrganization(app.ctx(), organization.uid))).toBe('organization_not_found')
    expect((await app.organization('acme')).id).toBeGreaterThan(other.id)
    expect(await listPackages(app.ctx(), { organization: other.id, limit: 9, afterName: '' })).toHaveLength(2)
  })

  test('is neither looked at nor synced, and catches up after it was restored', async () => {
    const { app, organization, child, other } = await setUp()
    app.leaveJobs()
    const page = { limit: 10, after: null }
    const { items } = await listSources(app.ctx(), { organization: child.id, page })
    await requestSync(app.ctx(), items[0]!)
    await deleteOrganization(app.ctx(), organization)
    app.clock.advance('2 hours')

    await app.runJobs()
    expect(await reconcileSources(app.ctx(SYSTEM), REPORT)).toMatchObject({ due: 2 })
    await restoreOrganization(app.ctx(), organization.uid)

    const source = await getSource(app.ctx(), { organization: child.id, uid: items[0]?.uid ?? '' })
    expect([source.state, source.problem]).toEqual(['ready', null])
    expect(await reconcileSources(app.ctx(SYSTEM), REPORT)).toMatchObject({ due: 4 })
    expect(other.id).toBeGreaterThan(0)
  })
})

describe('another slug', () => {
  test('CO-041 moves the clock of every package and repository below it', async () => {
    const { app, organization, child } = await setUp()
    const times = async () => {
      const { read } = app.test.database
      const packages = await read.selectFrom('packages').select(['organization_id', 'modified_at']).orderBy('id').execute()
      const organizations = await read.selectFrom('organizations').select(['id', 'modified_at']).orderBy('id').execute()
      return [
        ...packages.map((row) => [row.organization_id, row.modified_at]),
        ...organizations.map((row) => [row.id, row.modified_at]),
      ]
    }
    const before = await times()

    const renamed = await changeSlug(app.ctx(), { organization, slug: 'acme-2' })

    const own = [organization.id, child.id] as number[]
    const moved = (await times()).map(([id = 0, time = 0], index) => [own.includes(id), time > (before[index]?.[1] ?? 0)])
    expect(moved.every(([isOwn, hasMoved]) => isOwn === hasMoved)).toBe(true)
    expect(renamed.slug).toBe('acme-2')
    const { read } = app.test.database
    expect((await findOrganizationByPath(read, 'acme-2/child'))?.id).toBe(child.id)
    expect(await findOrganizationByPath(read, 'acme')).toBeNull()
  })

  test('is refused when it is taken, also by a deleted organization, reserved or impossible, and for admins', async () => {
    const { app, organization, child, other } = await setUp()
    const admin = await buildMember(app, organization, 'admin', 'admin')
    const change = (slug: string, target = organization) => failureOf(changeSlug(app.ctx(), { organization: target, slug }))
    await deleteOrganization(app.ctx(), other)

    expect([await change('other'), await change('settings'), await change('A')]).toEqual([
      'slug_taken',
      'invalid_input',
      'invalid_input',
    ])
    expect([await change('p2', child), await change('settings', child)]).toEqual(['invalid_input', null])
    expect(await change('acme')).toBeNull()
    expect(await failureOf(changeSlug(app.ctx(admin.actor), { organization, slug: 'mine' }))).toBe('forbidden')
  })
})
