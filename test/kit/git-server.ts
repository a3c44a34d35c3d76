import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { basename, dirname } from 'node:path'

/** How a test server misbehaves; all fields may be changed while it runs. */
export interface GitServerBehaviour {
  /** The only `Authorization` value that is let in. */
  authorization: string | null
  /** The `WWW-Authenticate` value of a 401. */
  challenge: string
  /** Answers every request with this status, and the headers below. */
  status: number | null
  headers: Record<string, string>
  /** Redirects a request path (without query) to the returned URL. */
  redirect: (path: string) => string | null
  /** In the answer with objects: bytes before `fault` happens. */
  after: number | null
  fault: 'stall' | 'close' | 'trickle'
  /** Replaces texts of equal length in answers, to advertise what git would not store. */
  rewrite: [from: string, to: string][]
}

/** A smart-HTTP git server on loopback that serves the given bare repository with `git http-backend`. */
export interface GitServer {
  url: string
  origin: string
  behaviour: GitServerBehaviour
  /** What was asked, in order. */
  requests: { method: string; path: string; authorization: string | null }[]
  stop(): Promise<void>
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startGitServer(directory: string): Promise<GitServer> {
  const requests: GitServer['requests'] = []
  const behaviour: GitServerBehaviour = {
    authorization: null,
    challenge: 'Basic realm="git"',
    status: null,
    headers: {},
    redirect: () => null,
    after: null,
    fault: 'stall',
    rewrite: [],
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const authorization = request.headers.authorization ?? null
    requests.push({ method: request.method ?? '', path, authorization })
    const target = behaviour.redirect(path)
    if (target !== null) response.writeHead(301, { location: target }).end()
    else if (behaviour.status !== null) response.writeHead(behaviour.status, behaviour.headers).end('no')
    else if (behaviour.authorization !== null && authorization !== behaviour.authorization) {
      response.writeHead(401, { 'www-authenticate': behaviour.challenge }).end('who are you?')
    } else void runBackend(directory, request, behaviour).then((answer) => send(response, answer, behaviour))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as { port: number }).port}`
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `${origin}/${basename(directory)}`, origin, behaviour, requests, stop }
}

interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

/** One request through CGI (RFC 3875). */
async function runBackend(directory: string, request: IncomingMessage, behaviour: GitServerBehaviour): Promise<Answer> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const child = Bun.spawn(['git', '-c', 'pack.threads=1', '-c', 'safe.directory=*', 'http-backend'], {
    env: {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_PROJECT_ROOT: dirname(directory),
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? '',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: String(body.length),
      HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
    stdin: body,
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const output = Buffer.from(await new Response(child.stdout).arrayBuffer())
  const end = output.indexOf('\r\n\r\n')
  const headers: Record<string, string> = {}
  for (const line of output.toString('latin1', 0, end).split('\r\n')) {
    headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim()
  }
  const { status = '200', ...others } = headers
  return { status: Number(status.slice(0, 3)), headers: others, body: rewriteAll(output.subarray(end + 4), behaviour) }
}

function rewriteAll(bytes: Buffer, behaviour: GitServerBehaviour): Buffer {
  let text = bytes.toString('latin1')
  for (const [from, to] of behaviour.rewrite) {
    if (from.length !== to.length) throw new Error('a text may only be replaced by one of equal length')
    text = text.replaceAll(from, to)
  }
  return Buffer.from(text, 'latin1')
}

function send(response: ServerResponse, answer: Answer, behaviour: GitServerBehaviour): void {
  const { after, fault } = behaviour
  response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) })
  if (after === null || !answer.body.includes('PACK')) {
    response.end(answer.body)
    return
  }
  response.write(answer.body.subarray(0, after))
  if (fault === 'close') setTimeout(() => response.socket?.destroy(), 50)
  if (fault === 'trickle') trickle(response, answer.body, after)
}

/** One byte a second until the client has gone. */
function trickle(response: ServerResponse, body: Buffer, start: number): void {
  let sent = start
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + 1))
    sent += 1
  }, 1000)
  response.on('close', () => clearInterval(timer))
}
