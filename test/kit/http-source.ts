/** A host of archives that does what a test tells it, and remembers what it was asked. */
import { afterEach } from 'bun:test'

export interface HttpHost {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string
  readonly seen: { path: string; authorization: string | null }[]
  /** What is answered at a path; everything else is 404. */
  serve(path: string, answer: Uint8Array | ((request: Request) => Response | Promise<Response>)): void
  stop(): Promise<void>
}

const hosts = new Set<HttpHost>()

afterEach(async () => {
  for (const host of hosts) {
    await host.stop()
  }
  hosts.clear()
})

/** Starts a host that lives until `stop`. */
export function startHttpHost(hostname = '127.0.0.1'): HttpHost {
  const answers = new Map<string, (request: Request) => Response | Promise<Response>>()
  const seen: HttpHost['seen'] = []
  const server = Bun.serve({
    port: 0,
    hostname,
    fetch(request) {
      const { pathname } = new URL(request.url)
      seen.push({ path: pathname, authorization: request.headers.get('authorization') })
      return answers.get(pathname)?.(request) ?? new Response('nothing here', { status: 404 })
    },
  })
  return {
    url: `http://${hostname}:${server.port}`,
    seen,
    serve(path, answer) {
      answers.set(path, typeof answer === 'function' ? answer : () => new Response(answer.slice()))
    },
    stop: () => server.stop(true),
  }
}

/** As `startHttpHost`, until the test ends. */
export function temporaryHost(hostname?: string): HttpHost {
  const host = startHttpHost(hostname)
  hosts.add(host)
  return host
}
