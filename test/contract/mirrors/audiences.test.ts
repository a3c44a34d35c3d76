/** Who may cause requests to upstreams, and who sees what came of them. */
import { describe, expect, test } from 'bun:test'
import { changeOrganization, createSuborganization } from '../../../src/core/access/index.ts'
import { addMirror, changeMirror } from '../../../src/core/mirrors/index.ts'
import { findOrganization, type Organization } from '../../../src/core/organizations/index.ts'
import { temporaryUpstream } from '../../kit/upstream-server.ts'
import { buildToken } from '../../kit/build.ts'
import { buildMember, buildPersonalToken } from '../../kit/members.ts'
import { createMirrorKit, type MirrorKit } from '../../kit/mirror-kit.ts'
import { addTestPackage } from './private-package.ts'

const LOG = 'psr/log'
const PACKAGES = { [LOG]: ['1.0.0'], 'symfony/console': ['1.0.0'] }

async function organizationOf({ app, organization }: MirrorKit): Promise<Organization> {
  const found = await findOrganization(app.ports.database.read, organization)
  if (found === null) {
    throw new Error('There is no organization.')
  }
  return found
}

async function statusOf(kit: MirrorKit, name: string, token: string | null, path = 'acme'): Promise<number> {
  return (await kit.send(`/${path}/p2/${name}.json`, { token })).status
}

describe('who does not belong to the organization', () => {
  test('abuse 65 causes no request to an upstream, also where the organization is public', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    await changeOrganization(kit.app.ctx(), { organization: await organizationOf(kit), settings: { visibility: 'public' } })
    const other = await kit.app.organization('other')
    const stranger = (await buildToken(kit.app, other.id)).secret

    expect(await statusOf(kit, LOG, null)).toBe(404)
    expect(await statusOf(kit, LOG, stranger)).toBe(404)
    expect(kit.upstream.count(/^\/p2/)).toBe(0)
    expect(await statusOf(kit, LOG, kit.token)).toBe(200)
    expect(await statusOf(kit, LOG, null)).toBe(404)
  })
})

describe('a token that is limited to packages', () => {
  test('causes requests for these alone, and its root file says so', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    const { secret } = await buildToken(kit.app, kit.organization, { packages: ['psr/*'] })

    expect(await statusOf(kit, 'symfony/console', secret)).toBe(404)
    expect(kit.upstream.count(/symfony/)).toBe(0)
    expect(await statusOf(kit, LOG, secret)).toBe(200)
    const root = (await (await kit.send('/acme/packages.json', { token: secret })).json()) as Record<string, unknown>
    expect(root).toMatchObject({ 'available-package-patterns': ['psr/*'] })
  })
})

describe('a member who sees the packages of teams', () => {
  test('sees what comes from an open upstream, and may cause it to be added', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    const organization = await organizationOf(kit)
    await changeOrganization(kit.app.ctx(), { organization, settings: { memberAccess: 'teams' } })
    const member = await buildPersonalToken(kit.app, await buildMember(kit.app, organization, 'member', 'member'))

    expect(await statusOf(kit, LOG, member)).toBe(200)
    expect(await statusOf(kit, `${LOG}~dev`, member)).toBe(200)
    await addTestPackage(kit, 'corp/secret')
    expect(await statusOf(kit, 'corp/secret', member)).toBe(404)
    const found = (await (await kit.send('/acme/search.json?q=o', { token: member })).json()) as { results: { name: string }[] }
    expect(found.results.map(({ name }) => name)).toEqual([LOG])
  })

  test('does not see what comes with a credential, nor causes it', async () => {
    const protection = { authorization: 'Bearer upstream-secret' }
    const kit = await createMirrorKit(
      { packages: PACKAGES, protection },
      { credential: { kind: 'bearer', token: 'upstream-secret' } },
    )
    const organization = await organizationOf(kit)
    await changeOrganization(kit.app.ctx(), { organization, settings: { memberAccess: 'teams' } })
    const member = await buildPersonalToken(kit.app, await buildMember(kit.app, organization, 'member', 'member'))

    expect(await statusOf(kit, LOG, member)).toBe(404)
    expect(kit.upstream.count(/^\/p2/)).toBe(0)
    expect(await statusOf(kit, LOG, kit.token)).toBe(200)
    expect(await statusOf(kit, LOG, member)).toBe(404)
    const { mirror } = await kit.mirror()
    await changeMirror(kit.app.ctx(), mirror, { credential: null })
    expect(await statusOf(kit, LOG, member)).toBe(200)
    kit.app.leaveJobs()
  })
})

describe('a suborganization', () => {
  test('has mirrors of its own', async () => {
    const kit = await createMirrorKit({ packages: PACKAGES })
    const child = await createSuborganization(kit.app.ctx(), { parent: await organizationOf(kit), slug: 'team', name: 'Team' })
    const { secret } = await buildToken(kit.app, child.id)

    expect(await statusOf(kit, LOG, secret, 'acme/team')).toBe(404)
    const own = await temporaryUpstream({ packages: PACKAGES })
    await addMirror(kit.app.ctx(), { organization: child.id, url: own.url })
    await kit.app.runJobs()
    expect(await statusOf(kit, LOG, secret, 'acme/team')).toBe(200)
    expect(kit.upstream.count(/^\/p2/)).toBe(0)
  })

  test('abuse 34 does not ask for what is private in its parent, nor the parent for what is private there', async () => {
    const kit = await createMirrorKit({ packages: { 'corp/tool': ['1.0.0'], 'team/tool': ['1.0.0'] } })
    const child = await createSuborganization(kit.app.ctx(), { parent: await organizationOf(kit), slug: 'team', name: 'Team' })
    const { secret } = await buildToken(kit.app, child.id)
    const own = await temporaryUpstream({ packages: { 'corp/tool': ['1.0.0'] } })
    await addMirror(kit.app.ctx(), { organization: child.id, url: own.url })
    await kit.app.runJobs()
    await addTestPackage(kit, 'corp/tool')
    await addTestPackage({ ...kit, organization: child.id }, 'team/tool')

    expect(await statusOf(kit, 'corp/tool', secret, 'acme/team')).toBe(404)
    expect(await statusOf(kit, 'team/tool', kit.token)).toBe(404)
    expect(own.count(/corp/) + kit.upstream.count(/tool/)).toBe(0)
  })
})

test('a package with very large metadata is read by a job, and the client waits for it', async () => {
  const versions = Array.from({ length: 90 }, (_, index) => ({
    version: `1.${index}.0`,
    manifest: { description: `${index} ${'x'.repeat(100_000)}` },
  }))
  const kit = await createMirrorKit({ packages: { 'psr/large': versions } })

  const answer = kit.get('p2/psr/large.json')
  while (
    (await kit.app.ports.database.read.selectFrom('jobs').select('id').where('kind', '=', 'mirror.fetch').execute()).length === 0
  ) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  await kit.app.runJobs()
  expect((await answer).status).toBe(200)
})
