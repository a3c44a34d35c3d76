import { describe, expect, test } from 'bun:test'
import { allowJobs, addSource } from '../../../src/core/sources/index.ts'
import { packageCommit, temporaryRepository } from '../../kit/git-source.ts'
import {
  asBasic,
  buildDeveloper,
  buildJob,
  contains,
  createGitlabWorld,
  NAME,
  type GitlabWorld,
  type Person,
} from './gitlab-kit.ts'

/** Role × visibility × credential, exactly as the contract has it in §9.3: `200+` contains the package, `200-` does not. */
type Row = [project: 'public' | 'private', role: Role, pat: string, bad: string, job: string]
type Role = 'developer' | 'guest' | 'stranger' | 'nobody'

/** A row for nobody has one expectation. */
const NONE = ''

const A_PUBLIC_BASIC: Row[] = [
  ['public', 'developer', '200+', '200+', '200+'],
  ['public', 'guest', '200+', '200+', '200+'],
  ['public', 'stranger', '200+', '200+', '200+'],
  ['public', 'nobody', '200+', NONE, NONE],
  ['private', 'developer', '200+', '200-', '200+'],
  ['private', 'guest', '200+', '200-', '200+'],
  ['private', 'stranger', '200-', '200-', '200-'],
  ['private', 'nobody', '200-', NONE, NONE],
]
const A_PUBLIC_HEADER: Row[] = [
  ['public', 'developer', '200+', '401', '200+'],
  ['public', 'guest', '200+', '401', '200+'],
  ['public', 'stranger', '200+', '401', '200+'],
  ['public', 'nobody', '200+', NONE, NONE],
  ['private', 'developer', '200+', '401', '200-'],
  ['private', 'guest', '200+', '401', '200-'],
  ['private', 'stranger', '200-', '401', '200-'],
  ['private', 'nobody', '200-', NONE, NONE],
]
const PRIVATE_BASIC: Row[] = [
  ['private', 'developer', '200+', '401', '200+'],
  ['private', 'guest', '200+', '401', '200+'],
  ['private', 'stranger', '404', '401', '404'],
  ['private', 'nobody', '401', NONE, NONE],
]
const PRIVATE_HEADER: Row[] = [
  ['private', 'developer', '200+', '401', '401'],
  ['private', 'guest', '200+', '401', '401'],
  ['private', 'stranger', '404', '401', '401'],
  ['private', 'nobody', '401', NONE, NONE],
]
const BOTH_BASIC: Row[] = [...A_PUBLIC_BASIC.slice(0, 4), ...PRIVATE_BASIC]
const BOTH_HEADER: Row[] = [...A_PUBLIC_HEADER.slice(0, 4), ...PRIVATE_HEADER]
const PUBLISH: Row[] = [
  ['public', 'developer', '201', '401', '201'],
  ['public', 'guest', '403', '401', '403'],
  ['public', 'stranger', '403', '401', '403'],
  ['public', 'nobody', '401', NONE, NONE],
  ['private', 'developer', '201', '401', '201'],
  ['private', 'guest', '403', '401', '403'],
  ['private', 'stranger', '404', '401', '404'],
  ['private', 'nobody', '401', NONE, NONE],
]

type Carrier = 'basic' | 'header'
type Column = 'pat' | 'bad' | 'job'

const GARBAGE = 'rpt_0000000000000000000000000000000000000000000000'

function headersFor(carrier: Carrier, column: Column, person: Person | null): Record<string, string> {
  if (person === null) {
    return {}
  }
  const secret = { pat: person.token, bad: GARBAGE, job: person.job }[column]
  if (carrier === 'basic') {
    return asBasic(column === 'job' ? 'gitlab-ci-token' : 'somebody', secret)
  }
  return column === 'job' ? { 'Job-Token': secret } : { 'Private-Token': secret }
}

interface Table {
  carrier: Carrier
  rows: readonly Row[]
  /** The group is as visible as the project unless said. */
  group?: 'public'
  ask(world: GitlabWorld, headers: Record<string, string>): Promise<string>
}

/** What each cell of a table answers, beside what it should. */
async function answersOf(world: GitlabWorld, { carrier, rows, group, ask }: Table) {
  const people = {
    developer: await buildDeveloper(world, 'developer'),
    guest: await buildDeveloper(world, 'guest'),
    stranger: await buildDeveloper(world, 'stranger'),
    nobody: null,
  }
  const found: unknown[] = []
  const wanted: unknown[] = []
  for (const [project, role, ...cells] of rows) {
    await world.show({ group: group ?? project, project })
    for (const [index, column] of (['pat', 'bad', 'job'] as const).entries()) {
      const cell = cells[index] ?? NONE
      if (cell !== NONE) {
        wanted.push([project, role, column, cell])
        found.push([project, role, column, await ask(world, headersFor(carrier, column, people[role]))])
      }
    }
  }
  return { found, wanted }
}

async function askRoot(world: GitlabWorld, headers: Record<string, string>): Promise<string> {
  const second = await world.send(`${world.base}/packages`, { headers: { ...headers, 'User-Agent': 'Composer/2' } })
  const first = await world.send(`${world.base}/packages.json`, { headers })
  expect(second.status).toBe(first.status)
  return first.status === 200 ? `200${(await contains(world, headers)) ? '+' : '-'}` : String(first.status)
}

function askFor(path: string) {
  return async (world: GitlabWorld, headers: Record<string, string>) => {
    const response = await world.send(`${world.base}/${path}`, { headers })
    return response.status === 200 ? `200${(await response.text()).includes(NAME) ? '+' : '-'}` : String(response.status)
  }
}

async function askArchive(world: GitlabWorld, headers: Record<string, string>): Promise<string> {
  const { status } = await world.working(archiveOf(world), { headers })
  return status === 200 ? '200+' : String(status)
}

function archiveOf({ project, tagged }: GitlabWorld): string {
  return `/api/v4/projects/${project.id}/packages/composer/archives/${NAME}.zip?sha=${tagged}`
}

function askToPublish(form: Record<string, string>) {
  return async (world: GitlabWorld, headers: Record<string, string>) => String((await world.publish(form, headers)).status)
}

const IDS = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `GL-${first + index}`).join(' ')

describe('role × visibility × credential', () => {
  const tables: [name: string, table: Table][] = [
    [`${IDS(200, 207)} A of a public group, Basic`, { carrier: 'basic', rows: A_PUBLIC_BASIC, group: 'public', ask: askRoot }],
    [
      `${IDS(208, 215)} A of a public group, headers`,
      { carrier: 'header', rows: A_PUBLIC_HEADER, group: 'public', ask: askRoot },
    ],
    [`${IDS(216, 219)} A of a private group, Basic`, { carrier: 'basic', rows: PRIVATE_BASIC, ask: askRoot }],
    [`${IDS(220, 223)} A of a private group, headers`, { carrier: 'header', rows: PRIVATE_HEADER, ask: askRoot }],
    ...(['p/123.json', `${NAME}$1234`, `p2/${NAME}.json`] as const).flatMap((path): [string, Table][] => [
      [`${IDS(224, 231)} ${path}, Basic`, { carrier: 'basic', rows: BOTH_BASIC, ask: askFor(path) }],
      [`${IDS(232, 239)} ${path}, headers`, { carrier: 'header', rows: BOTH_HEADER, ask: askFor(path) }],
    ]),
    [`${IDS(240, 247)} E of a tag`, { carrier: 'header', rows: PUBLISH, ask: askToPublish({ tag: 'v1.0.0' }) }],
    [`${IDS(240, 247)} E of a branch`, { carrier: 'header', rows: PUBLISH, ask: askToPublish({ branch: 'main' }) }],
    [`${IDS(248, 255)} F, Basic`, { carrier: 'basic', rows: BOTH_BASIC, ask: askArchive }],
    [`${IDS(256, 263)} F, headers`, { carrier: 'header', rows: BOTH_HEADER, ask: askArchive }],
  ]

  test.each(tables)('%s', async (_, table) => {
    const { found, wanted } = await answersOf(await createGitlabWorld(), table)

    expect(found).toEqual(wanted)
  })
})

describe('deploy tokens of a private group', () => {
  test(`${IDS(264, 275)} of the group and of the project read, publish and download; a wrong secret is refused`, async () => {
    const world = await createGitlabWorld()
    const { project } = world
    const reading = ['packages', 'p/123', `${NAME}$1`, `p2/${NAME}`].map((path) => `${world.base}/${path}`)

    for (const secret of [await world.deployToken(), await world.deployToken({ source: project.id })]) {
      const good = asBasic('gitlab+deploy-token-1', secret)
      const bad = asBasic('gitlab+deploy-token-1', `${secret}x`)
      for (const path of reading) {
        expect([path, (await world.send(path, { headers: good })).status]).toEqual([path, 200])
        expect([path, (await world.send(path, { headers: bad })).status]).toEqual([path, 401])
      }
      expect((await world.publish({ tag: 'v1.0.0' }, good)).status).toBe(201)
      expect((await world.publish({ branch: 'main' }, good)).status).toBe(201)
      expect((await world.publish({ tag: 'v1.0.0' }, bad)).status).toBe(401)
      expect((await world.working(archiveOf(world), { headers: good })).status).toBe(200)
      expect((await world.working(archiveOf(world), { headers: bad })).status).toBe(401)
    }
  })
})

describe('what does not exist', () => {
  test(`${IDS(276, 281)} GL-032 GL-070 is 401 to nobody and 404 to everybody else`, async () => {
    const world = await createGitlabWorld()
    const { token } = await buildDeveloper(world, 'developer')
    const headers = { 'Private-Token': token }
    const paths = ['packages', 'p/123', 'a/b$1', 'p2/a/b'].map((path) => `/api/v4/group/4711/-/packages/composer/${path}`)

    for (const path of [...paths, '/api/v4/projects/4711/packages/composer/archives/a/b.zip?sha=1']) {
      expect([path, (await world.send(path)).status]).toEqual([path, 401])
      expect([path, (await world.send(path, { headers })).status]).toEqual([path, 404])
    }
    expect((await world.publish({ tag: 'v1' }, {}, 4711)).status).toBe(401)
    expect((await world.publish({ tag: 'v1' }, headers, 4711)).status).toBe(404)
    expect((await world.publish({ tag: 'v1' }, headers, 'acme')).status).toBe(404)
  })
})

describe('archives', () => {
  test('GL-137 GL-138 GL-139 GL-140 GL-141 GL-291 GL-292 of what was not published do not exist', async () => {
    const world = await createGitlabWorld()
    const { token } = await buildDeveloper(world, 'developer')
    const [unpublished = ''] = await world.repository.commit(packageCommit({}))
    const at = (name: string, sha: string) =>
      `/api/v4/projects/${world.project.id}/packages/composer/archives/${name}.zip?sha=${sha}`
    const paths = [
      at(NAME, 'f'.repeat(40)),
      at(NAME, unpublished),
      at(NAME, world.tagged.slice(0, 12)),
      at('acme/other', world.tagged),
    ]

    for (const path of paths) {
      expect([path, (await world.send(path)).status]).toEqual([path, 401])
      expect([path, (await world.send(path, { headers: { 'Private-Token': token } })).status]).toEqual([path, 404])
    }
  })

  test('GL-145 GL-293 of a private project are for everybody where its archives are', async () => {
    const world = await createGitlabWorld()
    const { setSourceVisibility } = await import('../../../src/core/sources/index.ts')
    await setSourceVisibility(world.app.ctx(), world.project, { archiveAccess: 'everyone' })

    const archive = await world.working(archiveOf(world))
    const wrong = await world.send(archiveOf(world).replace(world.tagged, 'f'.repeat(40)))
    const root = await world.send(`${world.base}/packages`)

    expect([archive.status, wrong.status, root.status]).toEqual([200, 404, 401])
  })

  test('GL-146 GL-294 GL-147 GL-125 are for jobs of other projects that are allowed, with the policy for it', async () => {
    const world = await createGitlabWorld()
    const { app, group, project } = world
    const repository = await temporaryRepository()
    const [commit = ''] = await repository.commit(packageCommit({ name: 'acme/second' }))
    await repository.setRefs({ 'refs/heads/main': commit })
    const { source: second } = await addSource(app.ctx(), { organization: group.id, url: repository.url, credential: null })
    await app.runJobs()
    const people = [
      await buildDeveloper(world, 'developer'),
      await buildDeveloper(world, 'guest'),
      await buildDeveloper(world, 'stranger'),
    ]
    const statuses = async () => {
      const found: number[] = []
      for (const { person } of people) {
        const { secret } = await buildJob(world, person, second)
        found.push((await world.working(archiveOf(world), { headers: asBasic('gitlab-ci-token', secret) })).status)
      }
      return found
    }

    expect(await statuses()).toEqual([404, 404, 404])
    await allowJobs(app.ctx(), { source: project, jobsOf: second, allowed: 'yes' })
    expect(await statuses()).toEqual([200, 200, 404])

    const developer = people[0]?.person
    if (developer !== undefined) {
      const reading = await buildJob(world, developer, project, ['read'])
      const publishing = await buildJob(world, developer, project, ['publish'])
      expect((await world.publish({ tag: 'v1.0.0' }, { 'Job-Token': reading.secret })).status).toBe(403)
      const refused = await world.send(archiveOf(world), { headers: asBasic('gitlab-ci-token', publishing.secret) })
      expect(refused.status).toBe(403)
      const listed = await world.send(`${world.base}/packages`, { headers: asBasic('gitlab-ci-token', publishing.secret) })
      expect(listed.status).toBe(200)
    }
  })
})
