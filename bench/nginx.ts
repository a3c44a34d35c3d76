import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startProcess, type RunningProcess } from './processes.ts'

/** nginx that serves files of one folder, as fast as its manual tells how. */
export interface Nginx {
  readonly url: string
  readonly process: RunningProcess
  /** Puts a file below the folder; `modifiedAt` becomes its Last-Modified. */
  put(path: string, bytes: Uint8Array, modifiedAt: Date): Promise<void>
}

/**
 * One worker, sendfile, kept-open files, no log. Everything but archives is stored compressed and declared so, which
 * costs less than any module that would choose between two files.
 */
function configuration(directory: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/temporary-${name};`,
  )
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
daemon off;
pid ${directory}/nginx.pid;
error_log ${directory}/nginx.log warn;
events { worker_connections 1024; }
http {
  ${temporary.join('\n  ')}
  access_log off;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_timeout 65;
  keepalive_requests 1000000000;
  etag off;
  server_tokens off;
  open_file_cache max=10000 inactive=60m;
  open_file_cache_valid 60m;
  open_file_cache_min_uses 1;
  server {
    listen 127.0.0.1:${port};
    root ${directory}/files;
    types {}
    location / {
      default_type application/json;
      add_header Content-Encoding gzip;
      add_header Cache-Control "private, no-cache";
      add_header Vary "Authorization, Accept-Encoding";
      add_header X-Content-Type-Options nosniff;
    }
    location /archives/ {
      default_type application/zip;
      add_header Cache-Control "private, max-age=86400";
      add_header X-Content-Type-Options nosniff;
    }
  }
}
`
}

/** Starts nginx on a folder of its own. */
export async function startNginx({ directory, port, cores }: { directory: string; port: number; cores: string }): Promise<Nginx> {
  const files = join(directory, 'files')
  await mkdir(files, { recursive: true })
  const path = join(directory, 'nginx.conf')
  await writeFile(path, configuration(directory, port))
  const log = join(directory, 'nginx.log')
  const server = startProcess(['nginx', '-p', directory, '-c', path, '-e', log], { cores }, log)
  const url = `http://127.0.0.1:${port}`
  await waitUntilListening(url, server)
  return {
    url,
    process: server,
    async put(name, bytes, modifiedAt) {
      const target = join(files, name)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, bytes)
      await utimes(target, modifiedAt, modifiedAt)
    },
  }
}

async function waitUntilListening(url: string, server: RunningProcess): Promise<void> {
  const began = performance.now()
  for (;;) {
    try {
      await fetch(url)
      return
    } catch {
      if (server.hasEnded() || performance.now() - began > 10_000) {
        throw new Error('nginx did not start; its log names the reason.')
      }
      await Bun.sleep(10)
    }
  }
}
