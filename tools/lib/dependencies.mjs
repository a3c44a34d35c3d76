import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root, run } from './run.mjs'

const smallestRealBinary = 1_000_000

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }} LockedPackage
 * @typedef {{ packages: Record<string, LockedPackage> }} Lock
 */

/**
 * Makes `node_modules` what package-lock.json says. Does nothing when it already is.
 * Throws an Error with one sentence when that is impossible.
 */
export async function ensureDependencies() {
  if (isInstalled()) return
  console.log('Installing the locked npm dependencies.')
  const strict = await npm('ci')
  // `npm ci` refuses a lock file that leaves out optional packages of other platforms which the registry does not offer.
  // `npm install` takes the same locked versions; the comparison below proves it.
  const outcome = strict.code === 0 ? strict : await npm('install', '--no-save')
  if (outcome.code !== 0) throw new Error(`npm could not install the dependencies.\n${strict.output}${outcome.output}`)
  if (!isInstalled())
    throw new Error('What npm installed is not what package-lock.json says: package.json and package-lock.json disagree.')
}

/**
 * The path of the pinned Bun. Works without install scripts too: then the binary is still in its platform package.
 * Throws an Error with one sentence when there is none.
 */
export function bunPath() {
  const found = bunCandidates().find(isRunnable)
  if (found === undefined) throw new Error(`There is no Bun for ${process.platform} ${process.arch} in node_modules.`)
  return found
}

/**
 * The packages that a lock file asks for and an installation does not have in this version.
 * Optional packages may be absent, because most of them are for other platforms, but not present in another version.
 * @param {Lock} wanted package-lock.json
 * @param {Lock} installed npm's own record, node_modules/.package-lock.json
 * @returns {string[]} paths below the repository
 */
export function missingPackages(wanted, installed) {
  return Object.entries(wanted.packages)
    .filter(([path]) => path.includes('node_modules/'))
    .filter(([path, locked]) => {
      const present = installed.packages[path]
      if (present === undefined) return !(locked.optional || locked.devOptional || locked.peer)
      return present.version !== locked.version || present.integrity !== locked.integrity
    })
    .map(([path]) => path)
}

function isInstalled() {
  const record = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(record)) return false
  const missing = missingPackages(readJson(join(root, 'package-lock.json')), readJson(record))
  return missing.length === 0 && bunCandidates().some(isReal)
}

function bunCandidates() {
  const platform = `bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`
  const scope = join(root, 'node_modules/@oven')
  const packages = existsSync(scope) ? readdirSync(scope).filter((name) => name.startsWith(platform)) : []
  return [join(root, 'node_modules/bun/bin/bun.exe'), ...packages.map((name) => join(scope, name, 'bin/bun'))]
}

/**
 * Without its install script the bun package holds a text file in the place of the binary.
 * @param {string} path
 */
function isReal(path) {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > smallestRealBinary
}

/** @param {string} path */
function isRunnable(path) {
  return isReal(path) && spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0
}

/** @param {string[]} args */
function npm(...args) {
  const flags = ['--no-audit', '--no-fund', '--loglevel=error']
  const script = process.env['npm_execpath']
  return script?.endsWith('npm-cli.js')
    ? run(process.execPath, [script, ...args, ...flags], { quiet: true, seconds: 300 })
    : run('npm', [...args, ...flags], { quiet: true, seconds: 300 })
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}
