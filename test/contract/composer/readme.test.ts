import { describe, expect, test } from 'bun:test'
import { buildToken } from '../../kit/build.ts'
import type { TestFile } from '../../kit/git-repository.ts'
import { createGitSource, memoryReport, packageCommit, temporaryRepository } from '../../kit/git-source.ts'
import { createTestServer } from '../../kit/http.ts'
import { syncSource } from '../../../src/core/sources/index.ts'
import { SYSTEM } from '../../kit/app.ts'

async function setUp(manifest: Record<string, unknown>, files: Record<string, TestFile>) {
  const repository = await temporaryRepository()
  const [commit = ''] = await repository.commit(packageCommit(manifest, files))
  await repository.setRefs({ 'refs/heads/main': commit })
  const { app, organization, source } = await createGitSource(repository)
  await syncSource(app.ctx(SYSTEM), source.id, memoryReport())
  const server = await createTestServer({ app })
  const { secret: token } = await buildToken(app, organization)
  return {
    ...server,
    app,
    organization,
    ask: (headers: Record<string, string> = {}) => server.send('/acme/packages/acme/http/readme.html', { token, headers }),
    async text() {
      const page = await (await server.send('/acme/packages/acme/http/readme.html', { token })).text()
      return /<body>\n([\s\S]*)\n<\/body>/.exec(page)?.[1]
    },
  }
}

describe('CO-148 the README of a package', () => {
  test('CO-148 abuse 45 is a page in which nothing runs', async () => {
    const { ask, text } = await setUp({}, { 'README.md': '# acme/http\n\nSpeaks *HTTP*.<script>alert(1)</script>' })

    const response = await ask()

    expect(await text()).toBe('<p>Speaks <em>HTTP</em>.</p>')
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toStartWith("default-src 'none'; img-src https: http:; ")
    expect(response.headers.get('content-security-policy')).toContain('sandbox')
    expect((await ask({ 'If-None-Match': response.headers.get('etag') ?? '' })).status).toBe(304)
  })

  test.each([
    [
      'the file that the manifest names',
      { readme: './docs/index.md' },
      { 'README.md': 'no', 'docs/index.md': 'yes' },
      '<p>yes</p>',
    ],
    ['a text that it names', { readme: 'docs/README.txt' }, { 'docs/README.txt': '# yes' }, '<pre># yes</pre>'],
    ['README.md where that is not there', { readme: 'docs/none.md' }, { 'README.md': 'yes' }, '<p>yes</p>'],
    ['README.md where that is no path', { readme: '../../etc/passwd' }, { 'README.md': 'yes' }, '<p>yes</p>'],
    ['README.md where that is no file', { readme: 'docs' }, { 'README.md': 'yes', 'docs/a.md': 'no' }, '<p>yes</p>'],
    ['README.md where that is no text', { readme: ['README.md'] }, { 'README.md': 'yes' }, '<p>yes</p>'],
  ])('CO-148 is %s', async (_, manifest, files: Record<string, TestFile>, html) => {
    const { text } = await setUp(manifest, files)

    expect(await text()).toBe(html)
  })

  test('CO-148 abuse 5 a link that the manifest names is none', async () => {
    const { text } = await setUp(
      { readme: 'docs/a.md' },
      { 'docs/a.md': { mode: '120000', data: '/etc/passwd' }, 'README.md': 'yes' },
    )

    expect(await text()).toBe('<p>yes</p>')
  })

  test('CO-148 a package without one is 404, like one that is not there, and nobody is told anything', async () => {
    const { ask, send } = await setUp({}, {})

    expect((await ask()).status).toBe(404)
    expect((await send('/acme/packages/acme/http/readme.html')).status).toBe(401)
  })
})
