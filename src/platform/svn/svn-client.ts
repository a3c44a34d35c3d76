import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { SourceUrl } from '../../core/kernel/source-url.ts'
import type { GitCommand } from '../git/git-runner.ts'
import type { ImportPorts, UpstreamInput } from '../git/import-mirror.ts'
import { runWatched } from '../git/run-watched.ts'

/*
 * Every svn process gets a configuration of its own, in which nothing is remembered and https goes through the tunnel; the home of
 * the user is not read. A password goes in on standard input. Externals are never followed: they name other repositories.
 */

/** Runs svn on one repository. */
export interface SvnClient {
  /** The repository as svn has to be told it; with a tunnel that is not the URL of the source. */
  readonly url: string
  /** Runs a subcommand and returns its output. `size` tells what it writes to disk, if it writes. Throws as `runWatched`. */
  run(line: readonly string[], size?: () => Promise<number>): Promise<Buffer>
}

/** Writes the configuration and returns the client. */
export async function createSvnClient(ports: ImportPorts, input: UpstreamInput): Promise<SvnClient> {
  const { passage, directory, url } = input
  await writeFile(join(passage.directory, 'servers'), serversFile(input), { mode: 0o600 })
  await writeFile(join(passage.directory, 'config'), '[auth]\npassword-stores =\n[helpers]\n[tunnels]\n[miscellany]\n', {
    mode: 0o600,
  })
  const options = ['--non-interactive', '--no-auth-cache', '--config-dir', passage.directory]
  if (passage.login !== null) options.push('--username', passage.login.username, '--password-from-stdin')
  const environment = svnEnvironment(passage.directory, passage.ssh)
  return {
    url: toDialledUrl(url, input),
    run: ([subcommand = '', ...line], size) => {
      const command: GitCommand = {
        directory,
        program: 'svn',
        arguments: [subcommand, ...options, ...line],
        environment,
        ...(passage.login === null ? {} : { input: [passage.login.password] }),
      }
      return runWatched(ports, input, { command, size: size ?? null })
    },
  }
}

function serversFile({ passage, url }: UpstreamInput): string {
  const lines = [
    '[global]',
    'store-passwords = no',
    'store-auth-creds = no',
    'store-plaintext-passwords = no',
    'http-proxy-exceptions =',
  ]
  if (passage.tunnel !== null && url.scheme === 'https') {
    lines.push('http-proxy-host = 127.0.0.1', `http-proxy-port = ${passage.tunnel.port}`)
    lines.push(`http-proxy-username = ${passage.tunnel.user}`, `http-proxy-password = ${passage.tunnel.password}`)
  }
  return `${lines.join('\n')}\n`
}

function svnEnvironment(home: string, ssh: string | null): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    // Names of files are UTF-8; messages stay English.
    LC_ALL: 'C.UTF-8',
    HOME: home,
    SVN_SSH: ssh === null ? '/bin/false' : `${ssh} --`,
  }
  for (const name of ['SSL_CERT_FILE', 'SSL_CERT_DIR']) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  return environment
}

function toDialledUrl(url: SourceUrl, { passage }: UpstreamInput): string {
  if (url.scheme === 'svn' && passage.tunnel !== null) return `svn://127.0.0.1:${passage.tunnel.port}${url.path}`
  // The port is among the options of ssh; svn itself would take it for a part of the name.
  if (url.scheme === 'ssh') return url.canonical.replace(/^([^/]+\/\/[^/]*?):\d+\//, '$1/')
  return url.canonical
}
