import { describe, expect, test } from 'bun:test'
import { createTestApp, type TestApp } from '../../../test/kit/app.ts'
import { temporaryHost, type HttpHost } from '../../../test/kit/http-source.ts'
import { addSource, getSource, removeSource, type CredentialInput, type Source } from '../sources/index.ts'
import { createHookCall, deleteHookCall, findHookPlace, readHookId, toApiAuthorization, type HookProvider } from './hook-host.ts'
import { getHook } from './manage-hooks.ts'
import { findHookRegistration, registerHook, unregisterHook } from './register-hook.ts'

const TOKEN: CredentialInput = { kind: 'bearer', token: 'canary-token-5512' }
const HOOK = { url: 'https://packages.example.org/webhooks/x/uid', secret: 's3cret' }

describe('PR-506 what a host is told', () => {
  test('at GitHub', () => {
    const place = findHookPlace('https://github.com/acme/http.git', null)!

    expect(createHookCall(place, HOOK)).toEqual({
      url: 'https://api.github.com/repos/acme/http/hooks',
      method: 'POST',
      body: {
        name: 'web',
        active: true,
        events: ['push', 'release', 'delete'],
        config: { url: HOOK.url, content_type: 'json', secret: 's3cret', insecure_ssl: '0' },
      },
    })
    expect(deleteHookCall(place, '12')).toEqual({
      url: 'https://api.github.com/repos/acme/http/hooks/12',
      method: 'DELETE',
      body: null,
    })
    expect(readHookId('github', '{"id":12}')).toBe('12')
  })

  test('at GitLab, also one that somebody runs, with the path of the project in one piece', () => {
    const place = findHookPlace('https://git.example.org/group/sub/http.git', 'gitlab')!

    expect(createHookCall(place, HOOK)).toEqual({
      url: 'https://git.example.org/api/v4/projects/group%2Fsub%2Fhttp/hooks',
      method: 'POST',
      body: { url: HOOK.url, push_events: true, tag_push_events: true, token: 's3cret', enable_ssl_verification: true },
    })
    expect(findHookPlace('https://gitlab.com/acme/http.git', null)?.apiUrl).toBe('https://gitlab.com/api/v4')
  })

  test('at Bitbucket', () => {
    const place = findHookPlace('https://bitbucket.org/acme/http.git', null)!

    expect(createHookCall(place, HOOK)).toEqual({
      url: 'https://api.bitbucket.org/2.0/repositories/acme/http/hooks',
      method: 'POST',
      body: { description: 'Repertoire', url: HOOK.url, active: true, events: ['repo:push'], secret: 's3cret' },
    })
    expect(readHookId('bitbucket', '{"uuid":"{ab-cd}"}')).toBe('{ab-cd}')
    expect(deleteHookCall(place, '{ab-cd}').url).toEndWith('/hooks/%7Bab-cd%7D')
  })

  test.each([
    ['https://git.example.org/acme/http.git', null],
    ['https://git.example.org/acme/http.git', 'bitbucket'],
    ['https://github.com/acme/http.git', 'gitlab'],
    ['git@github.com:acme/http.git', null],
  ] as [string, HookProvider | null][])('nothing about %s as %p', (url, provider) => {
    expect(findHookPlace(url, provider)).toBeNull()
  })

  test('who it is, as each of them wants it', () => {
    const basic = { kind: 'basic' as const, origin: 'https://x', username: 'me', password: 'pw' }
    const bearer = { kind: 'bearer' as const, origin: 'https://x', token: 't' }

    expect(toApiAuthorization('bitbucket', basic)).toBe(`Basic ${btoa('me:pw')}`)
    expect(toApiAuthorization('github', basic)).toBe('Bearer pw')
    expect(toApiAuthorization('gitlab', bearer)).toBe('Bearer t')
    expect(toApiAuthorization('gitea', bearer)).toBe('token t')
    expect(toApiAuthorization('github', { kind: 'ssh_key', origin: 'ssh://x', privateKey: 'k' })).toBeNull()
  })
})

interface Registered {
  app: TestApp
  host: HttpHost
  source: Source
  calls: { method: string; path: string; authorization: string | null; body: unknown }[]
  /** What the host answers next, by method. */
  answers: Record<string, () => Response>
}

/** A source at a host that keeps hooks as Gitea does. */
async function createRegistered(credential: CredentialInput | null = TOKEN): Promise<Registered> {
  const app = await createTestApp()
  const host = temporaryHost()
  const calls: Registered['calls'] = []
  let made = 0
  const answers: Registered['answers'] = {
    POST: () => Response.json({ id: (made += 1) }, { status: 201 }),
    DELETE: () => new Response(null, { status: 204 }),
  }
  const note = async (request: Request) => {
    const text = await request.text()
    const { pathname: path } = new URL(request.url)
    const authorization = request.headers.get('authorization')
    calls.push({ method: request.method, path, authorization, body: text === '' ? null : JSON.parse(text) })
    return answers[request.method]?.() ?? new Response(null, { status: 405 })
  }
  for (const path of ['/api/v1/repos/acme/http/hooks', '/api/v1/repos/acme/http/hooks/1', '/api/v1/repos/acme/http/hooks/2']) {
    host.serve(path, note)
  }
  const { id: organization } = await app.organization()
  const { source } = await addSource(app.ctx(), { organization, url: `${host.url}/acme/http.git`, credential })
  // The sync that was asked for finds no repository here.
  await app.test.database.write.deleteFrom('jobs').execute()
  return { app, host, source, calls, answers }
}

describe('PR-506 a hook that the registry makes', () => {
  test('has its address and secret, is known afterwards, and its token went to the host alone', async () => {
    const { app, source, calls } = await createRegistered()

    await registerHook(app.ctx(), source, 'gitea')
    expect(await findHookRegistration(app.ctx(), source)).toMatchObject({ state: 'waiting', remoteId: null })
    await app.runJobs()

    const { secret } = await getHook(app.ctx(), source)
    const url = `https://packages.example.org/webhooks/gitea/${source.uid}`
    const config = { url, content_type: 'json', secret }
    expect(calls).toEqual([
      {
        method: 'POST',
        path: '/api/v1/repos/acme/http/hooks',
        authorization: 'token canary-token-5512',
        body: { type: 'gitea', active: true, events: ['push', 'create', 'delete', 'release'], config },
      },
    ])
    expect(await findHookRegistration(app.ctx(), source)).toMatchObject({ state: 'registered', remoteId: '1', problem: null })
    expect(JSON.stringify(app.events)).not.toContain('canary-token')
  })

  test('is deleted at the host before it is made again with a new secret', async () => {
    const { app, source, calls } = await createRegistered()
    await registerHook(app.ctx(), source, 'gitea')
    await app.runJobs()
    const before = await getHook(app.ctx(), source)

    await registerHook(app.ctx(), source, 'gitea')
    await app.runJobs()

    expect(calls.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`)).toEqual([
      'POST hooks',
      'DELETE 1',
      'POST hooks',
    ])
    const after = await getHook(app.ctx(), source)
    expect(after.secret).not.toBe(before.secret)
    expect(calls[2]?.body).toMatchObject({ config: { secret: after.secret } })
    expect(await findHookRegistration(app.ctx(), source)).toMatchObject({ state: 'registered', remoteId: '2' })
  })

  test('that somebody deleted at the host is made again', async () => {
    const { app, source, answers } = await createRegistered()
    await registerHook(app.ctx(), source, 'gitea')
    await app.runJobs()
    answers['DELETE'] = () => new Response(null, { status: 404 })

    await registerHook(app.ctx(), source, 'gitea')
    await app.runJobs()

    expect(await findHookRegistration(app.ctx(), source)).toMatchObject({ state: 'registered', remoteId: '2' })
  })

  test.each([
    ['refuses', () => new Response('canary-answer', { status: 403 }), 'answered 403; the token may not manage hooks'],
    ['breaks', () => new Response('canary-answer', { status: 502 }), 'answered 502'],
    ['says nothing useful', () => new Response('canary-answer', { status: 200 }), 'did not say how it calls it'],
    ['redirects', () => Response.redirect('http://127.0.0.1:1/elsewhere'), 'answered 302'],
  ])('is not there when the host %s, and the source goes on', async (_, answer, problem) => {
    const { app, source, answers } = await createRegistered()
    answers['POST'] = answer

    await registerHook(app.ctx(), source, 'gitea')
    await app.runJobs()

    const registration = await findHookRegistration(app.ctx(), source)
    expect(registration).toMatchObject({ state: 'failed', problem: expect.stringContaining(problem) })
    expect(JSON.stringify(registration)).not.toContain('canary-answer')
    expect(await getSource(app.ctx(), { organization: source.organization, uid: source.uid })).toMatchObject({ state: 'new' })
  })

  test('is deleted at the host with its source, whose credential is gone by then', async () => {
    const { app, source, calls } = await createRegistered()
    await registerHook(app.ctx(), source, 'gitea')
    await app.runJobs()

    await removeSource(app.ctx(), source)
    await app.test.database.write.deleteFrom('jobs').where('kind', '=', 'mirror.remove').execute()
    expect(await app.test.database.read.selectFrom('credentials').selectAll().execute()).toEqual([])
    await app.runJobs()

    expect(calls.at(-1)).toMatchObject({
      method: 'DELETE',
      path: '/api/v1/repos/acme/http/hooks/1',
      authorization: 'token canary-token-5512',
    })
    expect(await app.test.database.read.selectFrom('hook_registrations').selectAll().execute()).toEqual([])
  })

  test('that cannot be deleted is left at the host, with a warning', async () => {
    const { app, source, answers } = await createRegistered()
    await registerHook(app.ctx(), source, 'gitea')
    await app.runJobs()
    answers['DELETE'] = () => new Response(null, { status: 500 })

    await unregisterHook(app.ctx(), source)
    await app.runJobs()

    expect(app.warnings.splice(0)).toMatchObject([expect.stringContaining('delete it there by hand')])
    expect(await findHookRegistration(app.ctx(), source)).toBeNull()
    expect(unregisterHook(app.ctx(), source)).rejects.toMatchObject({ code: 'hook_not_found' })
  })

  test('needs a host that is known, a token, and an address of the registry', async () => {
    const { app, source } = await createRegistered()
    const field = async (registering: Promise<unknown>) =>
      (await registering.catch((error: unknown) => error)) as { details: unknown }

    expect(await field(registerHook(app.ctx(), source, null))).toMatchObject({ details: { field: 'provider' } })
    expect(await field(registerHook({ ...app.ctx(), publicUrl: null }, source, 'gitea'))).toMatchObject({
      details: { field: 'url' },
    })
    const open = await createRegistered(null)
    expect(await field(registerHook(open.app.ctx(), open.source, 'gitea'))).toMatchObject({ details: { field: 'credential' } })
  })
})
