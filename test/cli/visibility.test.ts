/** Who sees organizations and sources besides members, and tokens of sources and jobs, on the command line. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createCliFixture, type CliFixture } from './cli-fixture.ts'

const WIDGETS = 'https://127.0.0.1:1/acme/widgets.git'
const OTHER = 'https://127.0.0.1:1/acme/other.git'

let cli: CliFixture

beforeAll(async () => {
  cli = createCliFixture({ REPERTOIRE_URL: 'https://packages.example.com' })
  await cli.succeed(['org', 'create', 'acme'])
  await cli.succeed(['user', 'create', 'ada@example.com', '--name', 'Ada'])
  for (const url of [WIDGETS, OTHER]) {
    await cli.succeed(['source', 'add', 'acme', url, '--no-wait'])
  }
})
afterAll(() => cli.end())

const document = async <Document>(...line: string[]) => (await cli.succeed([...line, '--json'])).json<Document>()
const code = async (...line: string[]) => (await cli.run(line)).code

test('an organization and a source are opened, and shown as such with what GitLab calls them by', async () => {
  expect(await document('org', 'set', 'acme', '--visibility', 'public')).toMatchObject({ id: 1, visibility: 'public' })
  expect(await document('source', 'open', 'acme', WIDGETS, '--visibility', 'internal', '--archives', 'everyone')).toMatchObject({
    path: 'widgets',
    visibility: 'internal',
    archives: 'everyone',
  })
  expect(await document('source', 'open', 'acme', WIDGETS, '--archives', 'members')).toMatchObject({ visibility: 'internal' })
  expect(await code('source', 'open', 'acme', WIDGETS)).toBe(2)
  expect(await code('source', 'open', 'acme', WIDGETS, '--visibility', 'everybody')).toBe(2)
})

test('a suborganization cannot be wider than its organization', async () => {
  await cli.succeed(['org', 'create', 'acme/themes'])
  await cli.succeed(['org', 'set', 'acme', '--visibility', 'internal'])

  expect(await code('org', 'set', 'acme/themes', '--visibility', 'public')).toBe(4)
  expect(await code('org', 'set', 'acme/themes', '--visibility', 'internal')).toBe(0)
})

test('tokens of a source and of a job, and jobs of other sources', async () => {
  expect(await document('token', 'create', 'acme', '--name', 'deploy', '--source', WIDGETS)).toMatchObject({ access: 'read' })
  expect(await code('token', 'create', 'ada@example.com', '--name', 'x', '--source', WIDGETS)).toBe(2)
  expect(await code('token', 'create', 'acme', '--name', 'x', '--source', 'https://127.0.0.1:1/none.git')).toBe(3)
  const job = await document<{ token: string; uid: string }>(
    'token',
    'create-job',
    'ada@example.com',
    'acme',
    '--source',
    WIDGETS,
  )
  expect(job.token).toStartWith('rptj_')
  expect(await code('token', 'create-job', 'ada@example.com', 'acme', '--source', WIDGETS, '--lifetime', '3d')).toBe(4)
  expect(await code('token', 'create-job', 'ada@example.com', 'acme', '--source', WIDGETS, '--policies', 'all')).toBe(2)
  expect(await code('token', 'revoke', 'ada@example.com', job.uid)).toBe(0)
  expect(await document('source', 'allow-jobs', 'acme', WIDGETS, '--of', OTHER)).toMatchObject({ allowed: true })
  expect(await document('source', 'allow-jobs', 'acme', WIDGETS, '--of', OTHER, '--no-longer')).toMatchObject({ allowed: false })
})
