import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cache, run } from './run.mjs'

/**
 * Composers beside the installed one, from other suites of the Debian mirror that this machine already uses. Their packages are
 * checked by apt, unpacked into the cache and never installed.
 */

/** Where each lies: `<name>/bin/composer`. */
export const composers = join(cache, 'composer')

/**
 * The suites of each, the first one that is there and runs with this machine's PHP wins.
 * @type {Readonly<Record<string, readonly string[]>>}
 */
const suitesOf = { oldest: ['bullseye'], newest: ['sid', 'trixie'] }

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** Packages of PHP itself: the installed ones serve. */
const ofPhp = new Set(['php-cli', 'php-common', 'php-curl', 'php-intl', 'php-json', 'php-mbstring', 'php-xml', 'php-zip'])

/** What the newest suite expects of its own PHP and an older one does not have. */
const newerPhp = `<?php
if (!function_exists('array_find_key')) {
    function array_find_key(array $values, callable $accepts): mixed
    {
        foreach ($values as $key => $value) {
            if ($accepts($value, $key)) {
                return $key;
            }
        }
        return null;
    }
    function array_find(array $values, callable $accepts): mixed
    {
        $key = array_find_key($values, $accepts);
        return $key === null ? null : $values[$key];
    }
    function array_any(array $values, callable $accepts): bool
    {
        return array_find_key($values, $accepts) !== null;
    }
    function array_all(array $values, callable $accepts): bool
    {
        return !array_any($values, static fn ($value, $key): bool => !$accepts($value, $key));
    }
}
`

/** Fetches what is missing. Throws an Error with one sentence when one cannot be had. */
export async function ensureComposerVersions() {
  await Promise.all(Object.entries(suitesOf).map(([name, suites]) => ensureComposer(name, suites)))
}

/**
 * @param {string} name
 * @param {readonly string[]} suites
 */
async function ensureComposer(name, suites) {
  const folder = join(composers, name)
  if (existsSync(join(folder, 'bin/composer'))) return
  const problems = []
  for (const suite of suites) {
    const problem = await fetchComposer(folder, suite)
    if (problem === null) return
    problems.push(`${suite}: ${problem}`)
  }
  throw new Error(`The ${name} Composer could not be fetched from Debian.\n${problems.join('\n')}`)
}

/**
 * @param {string} folder
 * @param {string} suite
 * @returns {Promise<string | null>} what went wrong
 */
async function fetchComposer(folder, suite) {
  console.log(`Fetching Composer from Debian ${suite}.`)
  rmSync(folder, { recursive: true, force: true })
  const apt = await prepareApt(join(folder, 'apt'), suite)
  const update = await run('apt-get', [...apt, 'update', '-q'], { quiet: true, seconds: 120 })
  const names = update.code === 0 ? await dependenciesOfComposer(apt) : []
  if (names.length === 0) return update.output

  // apt-get downloads into the folder that it is started in.
  const script = ['-c', 'cd "$0" && exec apt-get "$@"', folder, ...apt, 'download', '-q', ...names]
  const download = await run('sh', script, { quiet: true, seconds: 120 })
  if (download.code !== 0) return download.output
  rmSync(join(folder, 'apt'), { recursive: true })

  const unpacked = await unpack(folder)
  if (unpacked !== null) return unpacked
  const launcher = writeLauncher(folder)
  const env = { COMPOSER_ALLOW_SUPERUSER: '1', COMPOSER_HOME: folder }
  const started = await run(launcher, ['--version', '--no-ansi'], { quiet: true, env })
  if (started.code !== 0) return started.output
  // The name by which it counts as there appears last.
  mkdirSync(join(folder, 'bin'))
  renameSync(launcher, join(folder, 'bin/composer'))
  return null
}

/**
 * Folders and options of an apt that knows one suite and nothing of what is installed.
 * @param {string} folder
 * @param {string} suite
 * @returns {Promise<string[]>}
 */
async function prepareApt(folder, suite) {
  for (const path of ['lists/partial', 'cache/archives/partial', 'parts']) mkdirSync(join(folder, path), { recursive: true })
  writeFileSync(join(folder, 'status'), '')
  writeFileSync(join(folder, 'sources.list'), `deb [signed-by=${keyring}] ${await debianMirror()} ${suite} main\n`)
  const settings = {
    'Dir::State': folder,
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': join(folder, 'parts'),
    'Dir::Etc::preferencesparts': join(folder, 'parts'),
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
}

/** @returns {Promise<string>} where this machine gets its Debian packages */
async function debianMirror() {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], { quiet: true })
  return targets.output.split('\n').find((uri) => /\/debian\/?$/.test(uri)) ?? 'http://deb.debian.org/debian'
}

/**
 * @param {string[]} apt
 * @returns {Promise<string[]>} Composer's package and all PHP libraries that it needs
 */
async function dependenciesOfComposer(apt) {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`)
  const listed = await run('apt-cache', [...apt, 'depends', '--recurse', ...kinds, 'composer'], { quiet: true })
  if (listed.code !== 0) return []
  return listed.output.split('\n').filter((name) => /^(composer|jsonlint|php-[a-z0-9-]+)$/.test(name) && !ofPhp.has(name))
}

/**
 * @param {string} folder
 * @returns {Promise<string | null>} what went wrong
 */
async function unpack(folder) {
  const packages = readdirSync(folder).filter((name) => name.endsWith('.deb'))
  for (const name of packages) {
    const unpacked = await run('dpkg-deb', ['-x', join(folder, name), folder], { quiet: true })
    if (unpacked.code !== 0) return unpacked.output
    rmSync(join(folder, name))
  }
  const library = join(folder, 'usr/share/php')
  for (const path of readdirSync(library, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('autoload.php')) rewrite(join(library, path), `'/usr/share/php/`, `'${library}/`)
  }
  // An old Composer is newer PHP's source of notices about things that still work.
  rewrite(join(folder, 'usr/bin/composer'), 'error_reporting(-1)', 'error_reporting(E_ALL & ~E_DEPRECATED)')
  return null
}

/**
 * @param {string} folder
 * @returns {string} path of the program
 */
function writeLauncher(folder) {
  const path = join(folder, 'launcher')
  writeFileSync(join(folder, 'newer-php.php'), newerPhp)
  const library = `-d 'include_path=${folder}/usr/share/php' -d 'auto_prepend_file=${folder}/newer-php.php'`
  const settings = `-d error_reporting=8191 ${library}`
  writeFileSync(path, `#!/bin/sh\nexec php ${settings} '${folder}/usr/bin/composer' "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

/**
 * @param {string} path
 * @param {string} from
 * @param {string} to
 */
function rewrite(path, from, to) {
  const text = readFileSync(path, 'utf8')
  if (text.includes(from)) writeFileSync(path, text.replaceAll(from, to))
}
