/** What members see of a repository where they see the packages of their teams: the same on every surface. */
import { describe, expect, test } from 'bun:test'
import {
  addTeamMember,
  assignTeam,
  changeMemberRole,
  changeOrganization,
  changeTeam,
  createSuborganization,
  createTeam,
  deleteTeam,
  removeMember,
  removeTeamMember,
} from '../../../src/core/access/index.ts'
import type { TeamPermission } from '../../../src/core/kernel/schema.ts'
import {
  addTeamPackages,
  deletePackagesOfSource,
  getPackage,
  listPackages,
  listTeamPackages,
  removeTeamPackages,
} from '../../../src/core/packages/index.ts'
import {
  addCustomSource,
  getSource,
  listSources,
  removeSource,
  requestSync,
  updateCustomSource,
  uploadArtifact,
} from '../../../src/core/sources/index.ts'
import { packageArchive, streamOf } from '../../kit/archives.ts'
import { SYSTEM } from '../../kit/app.ts'
import { buildArchiveOf, buildPackage, commitId, packageIdOf } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'
import { buildMember, buildPersonalToken, failureOf, type TestPerson } from '../../kit/members.ts'

const NAMES = ['acme/http', 'acme/log', 'acme/secret', 'other/http']

async function setUp() {
  const server = await createTestServer()
  const { app, send, json } = server
  const organization = await app.organization()
  for (const name of NAMES) {
    await buildPackage(app, { organization: organization.id, name })
    const reference = commitId(`${name} 1.0.0`)
    const target = await packageIdOf(app, organization.id, name)
    await buildArchiveOf(app, { package: target, reference, bytes: new TextEncoder().encode(name) })
  }
  const limited = await changeOrganization(app.ctx(), { organization, settings: { memberAccess: 'teams' } })
  const person = await buildMember(app, organization, 'member', 'member')
  const token = await buildPersonalToken(app, person)
  const team = async (name: string, packages: readonly string[], permissions: TeamPermission[] = []) => {
    const created = await createTeam(app.ctx(), { organization, name, permissions, allPackages: false })
    if (packages.length > 0) {
      await addTeamPackages(app.ctx(), { organization, team: created.uid, names: packages })
    }
    return created
  }
  const enter = (uid: string, who: TestPerson = person) => addTeamMember(app.ctx(), { organization, team: uid, user: who.uid })
  const root = async (secret = token) => {
    const response = await send('/acme/packages.json', { token: secret })
    const body = (await response.json()) as { 'available-packages'?: string[] }
    return { names: body['available-packages'] ?? [], modified: response.headers.get('last-modified') ?? '' }
  }
  return { ...server, app, json, organization: limited, person, token, team, enter, root }
}

/** The names that somebody finds on every surface; a difference between them fails. */
async function seen({ app, send, json, root, organization }: Awaited<ReturnType<typeof setUp>>, who: TestPerson, token: string) {
  const { names } = await root(token)
  const listed = (await json('/acme/list.json', { token })) as { packageNames: string[] }
  const found = (await json('/acme/search.json?q=package', { token })) as { results: { name: string }[]; total: number }
  const rest = await listPackages(app.ctx(who.actor), { organization: organization.id, limit: 2, afterName: '' })
  expect(listed.packageNames).toEqual(names)
  expect([found.results.map(({ name }) => name), found.total]).toEqual([names, names.length])
  expect(rest.map(({ name }) => name)).toEqual(names.slice(0, 2))
  for (const name of NAMES) {
    const status = names.includes(name) ? 200 : 404
    const reference = commitId(`${name} 1.0.0`)
    for (const path of [
      `p2/${name}.json`,
      `p2/${name}~dev.json`,
      `packages/${name}.json`,
      `dists/${name}/1.0.0/${reference}.zip`,
    ]) {
      expect([path, (await send(`/acme/${path}`, { token })).status]).toEqual([path, status])
    }
    const read = failureOf(getPackage(app.ctx(who.actor), { organization: organization.id, name }))
    expect(await read).toBe(status === 200 ? null : 'package_not_found')
  }
  return names
}

describe('a member sees', () => {
  test('abuse 38 nothing without a team, and what is hidden answers like what does not exist', async () => {
    const world = await setUp()
    const { send, token, person } = world

    expect(await seen(world, person, token)).toEqual([])
    const hidden = await send('/acme/p2/acme/secret.json', { token })
    const absent = await send('/acme/p2/acme/absent.json', { token })
    expect([hidden.status, await hidden.text()]).toEqual([absent.status, await absent.text()])
  })

  test('the packages of all teams, from the next request on', async () => {
    const world = await setUp()
    const { app, organization, person, token, team, enter } = world
    const web = await team('Web', ['acme/http', 'Acme/Log'])
    const ops = await team('Ops', ['other/http', 'acme/http'])

    await enter(web.uid)
    expect(await seen(world, person, token)).toEqual(['acme/http', 'acme/log'])
    await enter(ops.uid)
    expect(await seen(world, person, token)).toEqual(['acme/http', 'acme/log', 'other/http'])
    await removeTeamPackages(app.ctx(), { organization, team: web.uid, names: ['acme/log'] })
    expect(await seen(world, person, token)).toEqual(['acme/http', 'other/http'])
    await removeTeamMember(app.ctx(), { organization, team: ops.uid, user: person.uid })
    expect(await seen(world, person, token)).toEqual(['acme/http'])
    await deleteTeam(app.ctx(), { organization, uid: web.uid })
    expect(await seen(world, person, token)).toEqual([])
  })

  test('everything, also future packages, by a team that has all', async () => {
    const world = await setUp()
    const { app, organization, person, token, team, enter, root } = world
    const all = await team('All', [])
    await enter(all.uid)
    await changeTeam(app.ctx(), { organization, uid: all.uid, settings: { allPackages: true } })

    expect(await seen(world, person, token)).toEqual(NAMES)
    await buildPackage(app, { organization: organization.id, name: 'zzz/later' })
    expect((await root()).names).toEqual([...NAMES, 'zzz/later'])
    await changeTeam(app.ctx(), { organization, uid: all.uid, settings: { allPackages: false } })
    expect((await root()).names).toEqual([])
  })

  test('at most what the token is for', async () => {
    const world = await setUp()
    const { app, person, team, enter } = world
    await enter((await team('Web', ['acme/http', 'other/http'])).uid)
    const narrow = await buildPersonalToken(app, person, { packages: ['acme/*'] })

    expect((await world.root(narrow)).names).toEqual(['acme/http'])
    expect((await world.send('/acme/p2/other/http.json', { token: narrow })).status).toBe(404)
    expect((await world.send('/acme/p2/acme/log.json', { token: narrow })).status).toBe(404)
  })

  test('everything as admin, or where members see all, or with a token of the organization', async () => {
    const world = await setUp()
    const { app, organization, person, token, root } = world
    const { secret } = await app.token(organization.id)

    expect((await root(secret)).names).toEqual(NAMES)
    await changeMemberRole(app.ctx(), { organization, user: person.uid, role: 'admin' })
    expect(await seen(world, person, token)).toEqual(NAMES)
    await changeMemberRole(app.ctx(), { organization, user: person.uid, role: 'member' })
    expect(await seen(world, person, token)).toEqual([])
    await changeOrganization(app.ctx(), { organization, settings: { memberAccess: 'all' } })
    expect(await seen(world, person, token)).toEqual(NAMES)
  })

  test('PR-007 nothing from the next request on after the membership ended, and no team remembers it', async () => {
    const { app, organization, person, token, team, enter, send, root } = await setUp()
    const web = await team('Web', ['acme/http'])
    await enter(web.uid)
    expect((await send('/acme/p2/acme/http.json', { token })).status).toBe(200)

    await removeMember(app.ctx(), { organization, user: person.uid })
    expect((await send('/acme/p2/acme/http.json', { token })).status).toBe(404)
    expect((await send('/acme/packages.json', { token })).status).toBe(404)

    await app.test.database.write
      .insertInto('members')
      .values({ organization_id: organization.id, user_id: person.id, role: 'member', created_at: 1 })
      .execute()
    app.ports.database.touched()
    expect((await root()).names).toEqual([])
  })

  test('CO-041 a changed set as a changed document, and the same set as the same', async () => {
    const { app, organization, token, team, enter, root, send } = await setUp()
    const web = await team('Web', ['acme/http'])
    await enter(web.uid)
    const first = await root()
    await addTeamPackages(app.ctx(), { organization, team: web.uid, names: ['acme/log'] })
    const second = await root()
    const conditional = (modified: string) => send('/acme/packages.json', { token, headers: { 'If-Modified-Since': modified } })

    expect(second.modified).not.toBe(first.modified)
    expect((await conditional(first.modified)).status).toBe(200)
    expect((await conditional(second.modified)).status).toBe(304)
    const colleague = await buildMember(app, organization, 'colleague', 'member')
    await enter((await team('Twins', ['acme/log', 'acme/http'])).uid, colleague)
    expect(await root(await buildPersonalToken(app, colleague))).toEqual(second)
  })

  test('not a new package that got the name of a deleted one', async () => {
    const { app, organization, team, enter, root } = await setUp()
    const web = await team('Web', ['acme/http'])
    await enter(web.uid)
    const { package: target } = await getPackage(app.ctx(), { organization: organization.id, name: 'acme/http' })
    await app.ctx(SYSTEM).transaction((tx) => deletePackagesOfSource(tx, organization.id, target.source))

    await buildPackage(app, { organization: organization.id, name: 'acme/http' })

    expect((await root()).names).toEqual([])
    expect(await listTeamPackages(app.ctx(), { team: web, limit: 10, afterName: '' })).toEqual([])
  })

  test('of the sources those that feed what is seen', async () => {
    const { app, organization, person, team, enter } = await setUp()
    await enter((await team('Web', ['acme/http'])).uid)
    const page = { limit: 100, after: null }

    const all = await listSources(app.ctx(), { organization: organization.id, page })
    const own = await listSources(app.ctx(person.actor), { organization: organization.id, page })

    expect(own.items.map(({ url }) => url)).toEqual(['https://git.example.org/acme/http.git'])
    const hidden = all.items.find(({ url }) => url.endsWith('secret.git'))
    const read = getSource(app.ctx(person.actor), { organization: organization.id, uid: hidden?.uid ?? '' })
    expect(await failureOf(read)).toBe('source_not_found')
  })
})

test('a team of the parent sees a whole suborganization to which it is assigned', async () => {
  const { app, organization, person, token, team, enter, send } = await setUp()
  const child = await createSuborganization(app.ctx(), { parent: organization, name: 'Child' })
  await changeOrganization(app.ctx(), { organization: child, settings: { memberAccess: 'teams' } })
  await buildPackage(app, { organization: child.id, name: 'acme/http' })
  const web = await team('Web', [])
  await enter(web.uid)
  const status = async () => (await send('/acme/child/p2/acme/http.json', { token })).status
  expect(await status()).toBe(404)

  await assignTeam(app.ctx(), { suborganization: child, team: web.uid, role: 'member' })

  expect(await status()).toBe(200)
  await removeTeamMember(app.ctx(), { organization, team: web.uid, user: person.uid })
  expect(await status()).toBe(404)
})

describe('a permission of a team', () => {
  const upload = (world: Awaited<ReturnType<typeof setUp>>, name: string, version = '1.0.0') =>
    uploadArtifact(world.app.ctx(world.person.actor), {
      organization: world.organization.id,
      content: streamOf(packageArchive({ name, version })),
      fileName: 'package.zip',
      expected: { name: null, version: null },
      onExisting: 'refuse',
      sha256: null,
    })

  test('to add packages is one for new ones, which then belong to the team', async () => {
    const world = await setUp()
    const { app, organization, team, enter, root } = world
    const web = await team('Web', [], ['package.add'])
    expect(await failureOf(upload(world, 'acme/new'))).toBe('forbidden')
    await enter(web.uid)

    expect((await upload(world, 'acme/new')).outcome).toBe('published')

    expect((await root()).names).toEqual(['acme/new'])
    expect(await failureOf(upload(world, 'acme/new', '2.0.0'))).toBe('forbidden')
    expect(await failureOf(upload(world, 'acme/secret', '2.0.0'))).toBe('forbidden')
    await changeTeam(app.ctx(), { organization, uid: web.uid, settings: { permissions: ['package.edit'] } })
    expect((await upload(world, 'acme/new', '2.0.0')).outcome).toBe('published')
    expect(await failureOf(upload(world, 'acme/newer'))).toBe('forbidden')
    app.leaveJobs()
  })

  test('to add packages lets sources be added, whose packages belong to the team, also later ones', async () => {
    const world = await setUp()
    const { app, organization, person, team, enter, root } = world
    app.leaveJobs()
    const web = await team('Web', [], ['package.add', 'package.edit'])
    const define = (...names: string[]) => JSON.stringify(names.map((name) => ({ name, version: '1.0.0', type: 'metapackage' })))
    const add = () =>
      addCustomSource(app.ctx(person.actor), { organization: organization.id, definition: define('acme/one'), credential: null })
    expect(await failureOf(add())).toBe('forbidden')
    await enter(web.uid)

    const { source } = await add()

    expect((await root()).names).toEqual(['acme/one'])
    const page = { limit: 100, after: null }
    const sources = await listSources(app.ctx(person.actor), { organization: organization.id, page })
    expect(sources.items.map(({ uid }) => uid)).toEqual([source.uid])
    await updateCustomSource(app.ctx(), source, define('acme/one', 'acme/two'))
    expect((await root()).names).toEqual(['acme/one', 'acme/two'])
    expect(await failureOf(requestSync(app.ctx(person.actor), source))).toBeNull()
    expect(await failureOf(removeSource(app.ctx(person.actor), source))).toBe('forbidden')
  })

  test('to edit packages reaches as far as the packages of the team', async () => {
    const world = await setUp()
    const { app, organization, person, team, enter } = world
    app.leaveJobs()
    await enter((await team('Web', ['acme/http'], ['package.edit'])).uid)
    await enter((await team('Readers', ['acme/log'])).uid)
    const { items } = await listSources(app.ctx(), { organization: organization.id, page: { limit: 100, after: null } })
    const sync = (name: string) => {
      const source = items.find(({ url }) => url.endsWith(`${name}.git`))
      return failureOf(requestSync(app.ctx(person.actor), source!))
    }

    expect(await sync('acme/http')).toBeNull()
    expect([await sync('acme/log'), await sync('acme/secret')]).toEqual(['forbidden', 'forbidden'])
  })

  test('to create suborganizations makes the creator their owner', async () => {
    const { app, organization, person, team, enter } = await setUp()
    const create = () => createSuborganization(app.ctx(person.actor), { parent: organization, name: 'Mine' })
    expect(await failureOf(create())).toBe('forbidden')
    await enter((await team('Web', [], ['suborganization.create'])).uid)

    const child = await create()

    await changeOrganization(app.ctx(person.actor), { organization: child, settings: { name: 'Ours' } })
    expect(app.events.filter(({ type }) => type === 'member.added').at(-1)).toMatchObject({ role: 'owner', user: person.id })
  })
})
