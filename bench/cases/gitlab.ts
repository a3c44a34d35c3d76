import type { Bench } from '../bench.ts'
import { startNginx, type Nginx } from '../nginx.ts'
import { findFreePort, SERVER_CORE } from '../processes.ts'
import { addOrganization, makePackage, openData, publish } from '../provision.ts'
import { measureRates, type Served } from '../rate-case.ts'
import type { Result } from '../results.ts'
import { startServer, type Server } from '../server.ts'
import { receive } from '../verify.ts'

/** A group with which GitLab's own root document takes half a minute and more. */
const PACKAGES = 27_000
const CONNECTIONS = 16
const VERSION_1 = 'Composer/1.10.27 (Linux; PHP 7.4)'
const VERSION_2 = 'Composer/2.8.1 (Linux; PHP 8.3)'

/** GitLab's group root for both generations of Composer, and the list of providers of the first. */
export async function measureGitlab(bench: Bench): Promise<Result[]> {
  bench.say(`GitLab: filling a group with ${PACKAGES} packages.`)
  const directory = await bench.folder('gitlab')
  const { group, authorization } = await fill(directory)
  const server = await startServer({ directory, port: await findFreePort(), cores: SERVER_CORE })
  const nginx = await startNginx({
    directory: await bench.folder('gitlab-nginx'),
    port: await findFreePort(),
    cores: SERVER_CORE,
  })
  const base = `api/v4/group/${group}/-/packages/composer`
  const request = (agent: string) => ({ Authorization: authorization, 'Accept-Encoding': 'gzip', 'User-Agent': agent })
  const began = performance.now()
  const first = await receive({ url: `${server.url}/${base}/packages.json`, headers: request(VERSION_1) })
  const built = performance.now() - began
  const list = `${base}/p/${readListHash(first.bytes, first.headers)}.json`
  const results = [
    await measureRates(bench, {
      ...(await copy({ server, nginx }, { path: `${base}/packages.json`, headers: request(VERSION_2) })),
      name: `root of Composer 2, a group of ${PACKAGES.toLocaleString('en')} packages`,
      note: null,
      goal: { kind: 'ratio_at_least', value: 0.6 },
    }),
    await measureRates(bench, {
      ...(await copy({ server, nginx }, { path: list, headers: request(VERSION_1) })),
      name: `list of providers of Composer 1, ${PACKAGES.toLocaleString('en')} packages`,
      note: `made once per change, the first time in ${(built / 1000).toFixed(1)} s`,
      goal: { kind: 'ratio_at_least', value: 0.6 },
    }),
  ]
  await server.process.stop()
  await nginx.process.stop()
  return results
}

async function fill(directory: string): Promise<{ group: number; authorization: string }> {
  const { app, ctx } = await openData(directory)
  try {
    const { organization, authorization } = await addOrganization(ctx(), 'group')
    const names = Array.from({ length: PACKAGES }, (_, index) => `vendor-${index % 97}/package-${index}`)
    await publish(
      ctx(),
      organization.id,
      names.map((name) => makePackage(name, 1)),
    )
    return { group: organization.id, authorization }
  } finally {
    await app.close()
  }
}

function readListHash(bytes: Uint8Array, headers: Headers): string {
  const plain = headers.get('content-encoding') === 'gzip' ? Bun.gunzipSync(bytes as Uint8Array<ArrayBuffer>) : bytes
  const root = JSON.parse(new TextDecoder().decode(plain)) as { 'provider-includes': Record<string, { sha256: string }> }
  const [list] = Object.values(root['provider-includes'])
  if (list === undefined) {
    throw new Error('The root for Composer 1 names no list of providers.')
  }
  return list.sha256
}

/** Saves our answer where nginx finds it, as the reference of a measurement. */
async function copy(
  { server, nginx }: { server: Server; nginx: Nginx },
  { path, headers }: { path: string; headers: Readonly<Record<string, string>> },
) {
  const ours: Served = { url: `${server.url}/${path}`, headers, pid: server.process.pid }
  const { bytes, lastModified } = await receive(ours)
  await nginx.put(path, bytes, lastModified)
  const reference: Served = { url: `${nginx.url}/${path}`, headers, pid: nginx.process.pid }
  return { group: 'gitlab', ours, reference, referenceName: 'nginx', status: 200, connections: CONNECTIONS }
}
