import { accessSync, constants, existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.mjs'

/**
 * What a component is called on Debian, and the program by which other systems are asked for it
 * (null where the program of another component implies it).
 * @typedef {{ package: string, program: string | null }} Component
 */

/**
 * What the tests use beside npm packages. Composer needs the PHP extensions to download and to unpack.
 * @type {Component[]}
 */
export const testComponents = [
  { package: 'ca-certificates', program: null },
  { package: 'git', program: 'git' },
  { package: 'php-cli', program: 'php' },
  { package: 'php-curl', program: null },
  { package: 'php-mbstring', program: null },
  { package: 'php-xml', program: null },
  { package: 'php-zip', program: null },
  { package: 'composer', program: 'composer' },
  { package: 'postgresql', program: 'pg_config' },
  { package: 'unzip', program: 'unzip' },
  { package: 'subversion', program: 'svn' },
  { package: 'mercurial', program: 'hg' },
  { package: 'nginx-light', program: 'nginx' },
  { package: 'openssl', program: 'openssl' },
  { package: 'curl', program: 'curl' },
  { package: 'openssh-client', program: 'ssh' },
  { package: 'openssh-server', program: 'sshd' },
]

/**
 * What the benchmarks compare with and measure by.
 * @type {Component[]}
 */
export const benchComponents = [
  { package: 'nginx-light', program: 'nginx' },
  { package: 'wrk', program: 'wrk' },
  { package: 'composer', program: 'composer' },
]

/**
 * Installs what is missing, as root on Debian. Throws an Error with one sentence that names what is missing and cannot be installed.
 * @param {Component[]} components
 */
export async function ensureSystem(components) {
  const missing = await missingComponents(components)
  if (missing.length === 0) return
  const names = missing.join(' ')
  if (!existsSync('/usr/bin/apt-get')) throw new Error(`These programs are missing; install them and try again: ${names}.`)
  if (process.getuid?.() !== 0) throw new Error(`These Debian packages are missing; run as root: apt-get install ${names}`)

  console.log(`Installing from Debian: ${names}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const update = await run('apt-get', ['update', '-q'], { env, quiet: true, seconds: 120 })
  const install = await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing], {
    env,
    quiet: true,
    seconds: 300,
  })
  const still = await missingComponents(components)
  if (still.length > 0) throw new Error(`apt-get could not install ${still.join(' ')}.\n${update.output}${install.output}`)
}

/**
 * @param {Component[]} components
 * @returns {Promise<string[]>} names of Debian packages, or of programs on other systems
 */
async function missingComponents(components) {
  if (!existsSync('/usr/bin/dpkg-query')) {
    return components.flatMap(({ program }) => (program === null || isProgram(program) ? [] : [program]))
  }
  const names = components.map((component) => component.package)
  const listed = await run('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\\n', ...names], { quiet: true })
  const installed = new Set(
    listed.output.split('\n').flatMap((line) => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])),
  )
  return names.filter((name) => !installed.has(name))
}

/** @param {string} name */
function isProgram(name) {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
