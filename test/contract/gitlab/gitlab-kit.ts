/** A server with a group, a project of real git in it, its people and every kind of credential, for the tests of GitLab's API. */
import {
  addTeamMember,
  changeOrganization,
  createJobToken,
  createTeam,
  createToken,
  revokeToken,
  type TokenGrant,
} from '../../../src/core/access/index.ts'
import type { Visibility } from '../../../src/core/kernel/schema.ts'
import type { Scope } from '../../../src/core/kernel/scopes.ts'
import type { Organization } from '../../../src/core/organizations/index.ts'
import { addSource, setSourceVisibility, type Source } from '../../../src/core/sources/index.ts'
import type { TestApp } from '../../kit/app.ts'
import type { TestRepository } from '../../kit/git-repository.ts'
import { packageCommit, temporaryRepository } from '../../kit/git-source.ts'
import { basic, createTestServer, type TestRequest, type TestServer } from '../../kit/http.ts'
import { buildMember, buildPerson, buildPersonalToken, type TestPerson } from '../../kit/members.ts'

/** What a deploy token may do, in our scopes (contract gitlab.md §1.6). */
export const READ_REGISTRY: readonly Scope[] = ['composer', 'package:read']
export const WRITE_REGISTRY: readonly Scope[] = [...READ_REGISTRY, 'package:write', 'package:delete']

export const NAME = 'acme/http'

export interface GitlabWorld {
  app: TestApp
  server: TestServer
  group: Organization
  project: Source
  repository: TestRepository
  /** The commits of the tag v1.0.0 and of the branch main. */
  tagged: string
  head: string
  /** `/api/v4/group/<id>/-/packages/composer` */
  base: string
  send(path: string, request?: TestRequest): Promise<Response>
  json(path: string, request?: TestRequest): Promise<unknown>
  /** Sends a request while jobs run. */
  working(path: string, request?: TestRequest): Promise<Response>
  publish(form: Record<string, string>, headers?: Record<string, string>, project?: number | string): Promise<Response>
  show(visible: { group?: Visibility; project?: Visibility }): Promise<void>
  deployToken(grant?: Partial<TokenGrant> & { organization?: Organization }): Promise<string>
}

export interface Person {
  person: TestPerson
  token: string
  job: string
}

/** The group `acme` with the project `http`: tag v1.0.0 and branch main, each published. */
export async function createGitlabWorld(): Promise<GitlabWorld> {
  const server = await createTestServer({ git: true })
  const { app } = server
  const group = await app.organization('acme')
  const repository = await temporaryRepository()
  const [tagged = '', head = ''] = await repository.commit(
    packageCommit({ type: 'library', license: 'MIT' }, { 'src/Http.php': '<?php\n' }),
    packageCommit({ type: 'library', license: 'MIT', description: 'At the head.' }),
  )
  await repository.setRefs({ 'refs/tags/v1.0.0': tagged, 'refs/heads/main': head })
  const { source } = await addSource(app.ctx(), { organization: group.id, url: repository.url, credential: null })
  await app.runJobs()
  const send = server.send
  const working = async (path: string, request?: TestRequest) => {
    let isOver = false
    const sent = send(path, request).finally(() => {
      isOver = true
    })
    while (!isOver) {
      await Bun.sleep(2)
      await app.runJobs()
    }
    return sent
  }
  const world: GitlabWorld = {
    app,
    server,
    group,
    project: source,
    repository,
    tagged,
    head,
    base: `/api/v4/group/${group.id}/-/packages/composer`,
    send,
    json: server.json,
    working,
    publish: (form, headers = {}, project = source.id) =>
      working(`/api/v4/projects/${project}/packages/composer`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(form).toString(),
      }),
    async show(visible) {
      if (visible.group !== undefined) {
        await changeOrganization(app.ctx(), { organization: group, settings: { visibility: visible.group } })
      }
      if (visible.project !== undefined) {
        await setSourceVisibility(app.ctx(), source, { visibility: visible.project })
      }
    },
    async deployToken({ organization = group, ...grant } = {}) {
      const issued = await createToken(app.ctx(), {
        name: 'deploy',
        scopes: WRITE_REGISTRY,
        packages: null,
        expiresAt: null,
        ...grant,
        organization: organization.id,
      })
      return issued.secret
    },
  }
  return world
}

/** Somebody with a personal token and a running job in the project: a member by a team that may edit packages, a plain one, or nobody's. */
export async function buildDeveloper(
  world: GitlabWorld,
  role: 'developer' | 'guest' | 'maintainer' | 'stranger',
): Promise<Person> {
  const { app, group, project } = world
  const person =
    role === 'stranger'
      ? await buildPerson(app, `${role}-${group.slug}`)
      : await buildMember(app, group, role, role === 'maintainer' ? 'admin' : 'member')
  if (role === 'developer') {
    const team = await createTeam(app.ctx(), {
      organization: group,
      name: 'Developers',
      permissions: ['package.edit'],
      allPackages: true,
    })
    await addTeamMember(app.ctx(), { organization: group, team: team.uid, user: person.uid })
  }
  const job = await buildJob(world, person, project)
  return { person, token: await buildPersonalToken(app, person), job: job.secret }
}

/** The token of a job of somebody in a project, with a way to end the job. */
export async function buildJob(
  { app }: GitlabWorld,
  person: TestPerson,
  project: Source,
  policies: readonly ('read' | 'publish')[] = ['read', 'publish'],
): Promise<{ secret: string; end(): Promise<void> }> {
  const { secret, token } = await createJobToken(app.ctx(), {
    user: person.id,
    source: project.id,
    name: 'job',
    policies,
    lifetime: 3_600_000,
  })
  return { secret, end: () => revokeToken(app.ctx(), { owner: { user: person.id }, uid: token.uid }) }
}

/** The header of Basic authentication. */
export function asBasic(user: string, password: string): Record<string, string> {
  return { Authorization: basic(user, password) }
}

/** Whether a root document, or any other of A to D, contains the package. */
export async function contains(world: GitlabWorld, headers: Record<string, string>): Promise<boolean> {
  const response = await world.send(`${world.base}/p/123.json`, { headers })
  const { providers } = (await response.json()) as { providers: Record<string, unknown> }
  return Object.hasOwn(providers, NAME)
}
