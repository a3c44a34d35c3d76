/** nginx with the configuration that docs/operate/install.md gives, on ports of its own. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Authority, Certificate } from './certificates.ts'
import { findFreePort } from './registry.ts'

export interface Nginx {
  readonly url: string
  /** The same server asking for client certificates. */
  readonly guardedUrl: string
  /** Where the registry listens. */
  passTo(port: number): void
  start(): Promise<void>
  /** What was answered so far. */
  requests(): { protocol: string; connection: string; status: string }[]
  stop(): Promise<void>
}

const PAGE = join(import.meta.dir, '../../../docs/operate/install.md')
const START_TIMEOUT = 5_000

/** Prepares an nginx; nothing runs before `start`. */
export async function startNginx({
  directory,
  certificate,
  authority,
}: {
  directory: string
  certificate: Certificate
  authority: Authority
}): Promise<Nginx> {
  const [port, guardedPort] = [await findFreePort(), await findFreePort()]
  const log = join(directory, 'access.log')
  const file = join(directory, 'nginx.conf')
  let target = 0
  let child: Bun.Subprocess<'ignore', 'ignore', 'pipe'> | null = null

  function write(): void {
    const replace = (server: string, listen: string, more: string) =>
      server
        .replace('listen 443 ssl http2;', `listen ${listen} ssl http2; ${more}`)
        .replace(/ssl_certificate .*;/, `ssl_certificate ${certificate.cert};`)
        .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${certificate.key};`)
    const documented = readDocumented().replace('127.0.0.1:8080', `127.0.0.1:${target}`)
    const at = documented.indexOf('\nserver {')
    const [around, server] = [documented.slice(0, at), documented.slice(at)]
    const guard = `ssl_client_certificate ${authority.ca}; ssl_verify_client on;`
    const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`)
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${directory}/nginx.pid; error_log stderr warn;
events {}
http {
${places.join('\n')}
log_format kit '$server_protocol $connection $status';
access_log ${log} kit;
${around}
${replace(server, `127.0.0.1:${port}`, '')}
${replace(server, `127.0.0.1:${guardedPort}`, guard)}
}
`,
    )
  }

  return {
    url: `https://127.0.0.1:${port}`,
    guardedUrl: `https://127.0.0.1:${guardedPort}`,
    passTo(registry) {
      target = registry
    },
    async start() {
      write()
      child = Bun.spawn(['nginx', '-c', file, '-p', directory, '-e', 'stderr'], {
        stdin: 'ignore',
        stdout: 'ignore',
        stderr: 'pipe',
      })
      await untilListening(`https://127.0.0.1:${port}/ready`, authority.caText, child)
    },
    requests() {
      const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []
      return lines.map((line) => {
        const [protocol = '', connection = '', status = ''] = line.split(' ')
        return { protocol, connection, status }
      })
    },
    async stop() {
      child?.kill('SIGTERM')
      await child?.exited
    },
  }
}

/** The first nginx block of the page. */
function readDocumented(): string {
  const block = /```nginx\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))?.[1]
  if (block === undefined || !block.includes('proxy_pass')) {
    throw new Error('docs/operate/install.md has no configuration of nginx.')
  }
  return block
}

async function untilListening(url: string, ca: string, child: Bun.Subprocess<'ignore', 'ignore', 'pipe'>): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT
  while ((await fetch(url, { tls: { ca } }).catch(() => null))?.status !== 200) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`nginx did not start:\n${await child.stderr.text()}`)
    }
    await Bun.sleep(25)
  }
}
