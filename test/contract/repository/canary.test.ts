/** abuse 65: two tenants on one installation, each with words of its own that the other must never see. */
import { expect, test } from 'bun:test'
import { replaceProvidedNames } from '../../../src/core/packages/provided-names.sql.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf } from '../../kit/build.ts'
import { createTestServer } from '../../kit/http.ts'

const OURS = 'oursecretword'
const THEIRS = 'theirsecretword'

async function setUp() {
  const server = await createTestServer()
  const { app } = server
  const tenants = await Promise.all([OURS, THEIRS].map((word) => app.organization(word)))
  for (const [index, word] of [OURS, THEIRS].entries()) {
    const organization = tenants[index]?.id ?? (0 as never)
    await buildPackage(app, {
      organization,
      name: `shared/${word}`,
      type: `${word}-type`,
      description: `Tells ${word}.`,
      versions: ['1.0.0', 'dev-main'],
    })
    await buildPackage(app, {
      organization,
      name: 'shared/same',
      description: `Same name, ${word}.`,
      versions: [{ version: '1.0.0', manifest: { description: word } }],
    })
    const target = await packageIdOf(app, organization, `shared/${word}`)
    await replaceProvidedNames(app.ports.database.write, target, ['virtual/implementation'])
    await buildArchiveOf(app, {
      package: target,
      reference: commitId(`shared/${word} 1.0.0`),
      bytes: new TextEncoder().encode(`zip of ${word}`),
    })
  }
  const ours = tenants[0]?.id ?? (0 as never)
  return { ...server, app, tokens: [await buildToken(app, ours), await buildToken(app, ours, { packages: ['shared/*'] })] }
}

const COMMIT = commitId(`shared/${THEIRS} 1.0.0`)

/** Questions below an organization that could bring something of the other one. */
const QUESTIONS = [
  'packages.json',
  'list.json',
  'list.json?filter=*',
  'list.json?vendor=shared',
  'list.json?fields[]=repository&fields[]=type&fields[]=abandoned',
  'search.json?q=shared',
  'search.json?q=tells',
  'search.json?q=same',
  'search.json?q=e&per_page=100',
  'providers/virtual/implementation.json',
  'packages/shared/same.json',
  'p2/shared/same.json',
  'p2/shared/same~dev.json',
  `dists/shared/same/1.0.0/${COMMIT.slice(0, 12)}x.zip`,
  'p/shared/same.json',
  'p/virtual/implementation.json',
]

/** Questions about what the other one has; the answer may not differ from that about something that nobody has. */
const GUESSES = (word: string) => [
  `p2/shared/${word}.json`,
  `p2/shared/${word}~dev.json`,
  `packages/shared/${word}.json`,
  `providers/shared/${word}.json`,
  `list.json?type=${word}-type`,
  `search.json?q=${word}`,
  `dists/shared/${word}/1.0.0/${commitId(`shared/${word} 1.0.0`)}.zip`,
  `p/shared/${word}.json`,
]

async function answer(response: Response): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() }
}

test('abuse 65 CO-048 no answer of one organization has a word, a URL or a count of the other', async () => {
  const { send, tokens } = await setUp()
  for (const { secret: token } of tokens) {
    for (const question of QUESTIONS) {
      const found = await answer(await send(`/${OURS}/${question}`, { token }))
      expect(JSON.stringify(found)).not.toContain(THEIRS)
    }
    for (const question of ['packages.json', 'p2/shared/same.json', `p2/shared/other.json`]) {
      expect(await (await send(`/org/${OURS}/${question}`, { token })).text()).not.toContain(THEIRS)
    }
    expect(await (await send(`/${OURS}/search.json?q=shared`, { token })).json()).toMatchObject({ total: 2 })
  }
})

test('abuse 65 asking for what the other organization has is answered as asking for what nobody has', async () => {
  const { send, tokens } = await setUp()
  const nobody = 'neverheardofword'
  for (const { secret: token } of tokens) {
    for (const [index, guess] of GUESSES(THEIRS).entries()) {
      const found = await answer(await send(`/${OURS}/${guess}`, { token }))
      const absent = await answer(await send(`/${OURS}/${GUESSES(nobody)[index]}`, { token }))

      expect(JSON.parse(JSON.stringify(found).replaceAll(THEIRS, nobody))).toEqual(absent)
    }
  }
})

test('abuse 65 all addresses of the other organization are answered as those of one that does not exist', async () => {
  const { send, tokens } = await setUp()
  const token = tokens[0]?.secret ?? ''
  for (const question of [...QUESTIONS, ...GUESSES(THEIRS), 'notify-batch']) {
    const method = question === 'notify-batch' ? 'POST' : 'GET'
    const body = method === 'POST' ? { body: `{"downloads":[{"name":"shared/${THEIRS}","version":"1.0.0.0"}]}` } : {}
    const foreign = await answer(await send(`/${THEIRS}/${question}`, { token, method, ...body }))
    const absent = await answer(await send(`/no-such-organization/${question}`, { token, method, ...body }))

    expect(foreign.status).toBe(404)
    expect(foreign).toEqual(absent)
  }
})

test('abuse 65 an install reported for the other organization is not counted', async () => {
  const { app, send, server, tokens } = await setUp()
  const downloads = [{ name: `shared/${THEIRS}`, version: '1.0.0.0' }]

  const response = await send(`/${OURS}/notify-batch`, {
    token: tokens[0]?.secret ?? '',
    method: 'POST',
    body: JSON.stringify({ downloads }),
  })
  await server.usage.fold(app.ports.database.write)

  expect(await response.json()).toEqual({ status: 'partial', message: '0 of 1 installs were counted.' })
  expect(await app.ports.database.read.selectFrom('download_counts').selectAll().execute()).toEqual([])
})

test('abuse 65 metrics name neither organizations nor packages', async () => {
  const { send, tokens } = await setUp()
  for (const question of [...QUESTIONS, ...GUESSES(THEIRS)]) {
    await send(`/${OURS}/${question}`, { token: tokens[0]?.secret ?? '' })
  }

  const text = await (await send('/metrics', { peer: '127.0.0.1' })).text()

  expect(text).not.toContain(OURS)
  expect(text).not.toContain(THEIRS)
  expect(text).not.toContain('shared')
})
