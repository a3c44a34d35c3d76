import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { UpstreamInput } from '../git/import-mirror.ts'

/*
 * What every hg process gets and nothing else. The configuration of the machine, of the user and of repositories is not read, so that
 * no hook, alias or extension of anybody runs; what would open another connection (clone bundles, subrepositories) is off. A password
 * and the proxy are in a file that only this user can read.
 */

const SETTINGS = `[ui]
interactive = false
clonebundles = false
merge = internal:fail
timeout = 5
timeout.warn = -1
[subrepos]
allowed = false
[progress]
disable = true
[extensions]
[hooks]
[phases]
publish = false
`

/** Writes the configuration for one passage and returns the environment of processes that use it. */
export async function writeHgSettings({ passage, url }: Pick<UpstreamInput, 'passage' | 'url'>): Promise<Record<string, string>> {
  const parts = [SETTINGS, `[ui]\nssh = ${passage.ssh ?? '/bin/false'}\n`]
  if (passage.tunnel !== null) {
    const { port, user, password } = passage.tunnel
    parts.push(`[http_proxy]\nhost = 127.0.0.1:${port}\nuser = ${user}\npasswd = ${password}\nalways = true\nno =\n`)
  }
  if (passage.login !== null) {
    const { username, password } = passage.login
    parts.push(`[auth]\nsource.prefix = ${url.origin}\nsource.username = ${username}\nsource.password = ${password}\n`)
  }
  const path = join(passage.directory, 'hgrc')
  await writeFile(path, parts.join(''), { mode: 0o600 })
  return hgEnvironment(path, passage.directory)
}

function hgEnvironment(settings: string, home: string): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C.UTF-8',
    HOME: home,
    HGPLAIN: '1',
    HGRCPATH: settings,
    HGRCSKIPREPO: '1',
    HGENCODING: 'utf-8',
    HGUSER: 'registry',
  }
  for (const name of ['SSL_CERT_FILE', 'SSL_CERT_DIR']) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  return environment
}
