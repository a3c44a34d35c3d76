/** Lock files on the console. */
import { expect, test } from 'bun:test'
import { addMember } from '../../../src/core/access/index.ts'
import { buildPackage, commitId } from '../../kit/build.ts'
import { buildUser } from '../../kit/people.ts'
import { createConsole } from './console-kit.ts'

const REFERENCE = commitId('acme/http 1.0.0')
const LOCK = {
  packages: [
    {
      name: 'acme/http',
      version: '1.0.0',
      dist: { type: 'zip', url: 'https://elsewhere.example.org/a.zip', reference: REFERENCE },
    },
  ],
}

async function setUp() {
  const console = await createConsole()
  const { app } = console
  const organization = await app.organization()
  await addMember(app.ctx(), { organization, user: 'ada@example.com', role: 'member' })
  await buildPackage(app, { organization: organization.id, versions: [{ version: '1.0.0', reference: REFERENCE }] })
  app.leaveJobs()
  return { ...console, app, ada: await console.signedIn(), path: `/app/api/organizations/${organization.uid}/locks` }
}

test('a member has a lock file compared with the repository, and its archives got by a job', async () => {
  const { ada, path } = await setUp()

  const checked = await ada.call('POST', path, LOCK)
  const asked = await ada.call('POST', `${path}?prefetch=true`, LOCK)
  const { job } = (await asked.json()) as { job: string }

  expect(await checked.json()).toMatchObject({ status: 'ok', packages: [{ name: 'acme/http', archive: 'missing' }] })
  expect(asked.status).toBe(202)
  expect(await (await ada.get(`${path}/${job}`)).json()).toEqual({ state: 'queued', progress: null, packages: null })
  expect((await ada.get(`${path}/none`)).status).toBe(404)
  expect((await ada.call('POST', path, { packages: 1 })).status).toBe(400)
  expect((await ada.call('POST', `${path}?prefetch=1`, LOCK)).status).toBe(400)
})

test('abuse 38 nobody else is told anything', async () => {
  const { app, signedIn, browser, path } = await setUp()
  await buildUser(app, { email: 'eve@example.com', name: 'Eve' })
  const eve = await signedIn('eve@example.com')

  expect((await eve.call('POST', path, LOCK)).status).toBe(404)
  expect((await browser().get(`${path}/none`)).status).toBe(401)
})
