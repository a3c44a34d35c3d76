/** A browser before the console: it keeps cookies and says where its requests come from, as browsers do. */
import { buildUser, PASSWORD } from '../../kit/people.ts'
import { createTestApp } from '../../kit/app.ts'
import { createTestServer, type TestServer } from '../../kit/http.ts'

export const ORIGIN = 'https://packages.example.org'

export interface Browser {
  readonly cookies: Map<string, string>
  /** A page or an answer of the API. */
  get(path: string): Promise<Response>
  /** A call of the API with JSON. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  /** A form of a page. */
  submit(path: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Response>
}

export interface Console extends TestServer {
  browser(): Browser
  /** A browser in which somebody is signed in. */
  signedIn(email?: string, password?: string): Promise<Browser>
}

export async function createConsole(wanted: { mail?: boolean; url?: string | null } = {}): Promise<Console> {
  const app = await createTestApp({ mail: wanted.mail ?? false })
  const publicUrl = wanted.url === undefined ? ORIGIN : wanted.url
  const server = await createTestServer({ app, config: { publicUrl } })
  await buildUser(app)
  const browser = () => createBrowser(server, publicUrl ?? 'http://packages.example.test')
  return {
    ...server,
    browser,
    async signedIn(email = 'ada@example.com', password = PASSWORD) {
      const visitor = browser()
      const response = await visitor.call('POST', '/app/api/sign-in', { email, password })
      if (response.status !== 200) {
        throw new Error(`Signing in was answered ${response.status}: ${await response.text()}`)
      }
      return visitor
    },
  }
}

function createBrowser(server: TestServer, origin: string): Browser {
  const cookies = new Map<string, string>()
  const send = async (method: string, path: string, request: { headers: Record<string, string>; body?: string }) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { ...(cookie === '' ? {} : { Cookie: cookie }), ...request.headers }
    const response = await server.send(path, { ...request, method, headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (line.includes('Max-Age=0')) {
        cookies.delete(name)
      } else {
        cookies.set(name, value)
      }
    }
    return response
  }
  const own = { Origin: origin, 'Sec-Fetch-Site': 'same-origin' }
  return {
    cookies,
    get: (path) => send('GET', path, { headers: {} }),
    call: (method, path, body = {}, headers = {}) =>
      send(method, path, { body: JSON.stringify(body), headers: { ...own, 'Content-Type': 'application/json', ...headers } }),
    submit: (path, fields, headers = {}) =>
      send('POST', path, {
        body: new URLSearchParams(fields).toString(),
        headers: { ...own, 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
      }),
  }
}
