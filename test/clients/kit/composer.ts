/** Runs the real Composer in projects of its own: home, cache and credentials are the project's, nothing is inherited. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Registry } from './registry.ts'

const TIMEOUT = 50_000

/** The outcome of one run. `output` is what people see: both streams. */
export interface ComposerRun {
  code: number
  stdout: string
  stderr: string
  output: string
}

/** What a user of Composer writes into auth.json or `COMPOSER_AUTH`. */
export type ComposerAuth = Readonly<Record<string, Readonly<Record<string, unknown>>>>

export interface ComposerCall {
  /** Replaces the project's credentials for this run; null sends none. */
  auth?: ComposerAuth | null
  env?: Readonly<Record<string, string>>
}

export interface LockedPackage {
  name: string
  version: string
  dist?: { url: string; reference: string; shasum?: string }
  source?: { url: string; reference: string }
}

export interface ComposerProject {
  readonly directory: string
  /** Runs Composer; the exit code is for the test to judge. */
  composer(line: readonly string[], call?: ComposerCall): Promise<ComposerRun>
  /** As `composer`, and throws with the output unless the exit code is 0. */
  succeed(line: readonly string[], call?: ComposerCall): Promise<ComposerRun>
  /** Merged into composer.json. */
  configure(manifest: Readonly<Record<string, unknown>>): void
  /** The packages of composer.lock, those for development too. */
  locked(): LockedPackage[]
  /** Name and version of what is in vendor/. */
  installed(): Record<string, string>
  /** Text of an installed file, or null. */
  read(path: string): string | null
  path(path: string): string
  removeVendor(): void
  clearCache(): void
}

/** How a project starts out. */
export interface ProjectSetup {
  /** Whose repository it uses. */
  organization?: string
  token?: string | null
  /** Instead of credentials made of `token`. */
  auth?: ComposerAuth
  require?: Readonly<Record<string, string>>
  /** Further keys of composer.json; `repositories` replaces the organization's. */
  manifest?: Readonly<Record<string, unknown>>
  /**
   * Whether git may read the packages' own repositories. Without it, as for most users of a private registry, this
   * Composer's fallback from a failed archive to a clone cannot hide the failure.
   */
  canClone?: boolean
}

/** The token as the password of HTTP Basic, as the registry tells its users to configure it. */
export function basicAuth(registry: Registry, token: string, username = 'token'): ComposerAuth {
  return { 'http-basic': { [registry.origin]: { username, password: token } } }
}

/** Creates a project on the registry's repository of an organization. It is removed with the registry. */
export function createProject(registry: Registry, setup: ProjectSetup): ComposerProject {
  const directory = mkdtempSync(join(registry.directory, 'projects', 'project-'))
  const places = { project: join(directory, 'project'), home: join(directory, 'home'), cache: join(directory, 'cache') }
  Object.values(places).forEach((place) => mkdirSync(place))
  const token = setup.token ?? null
  const auth = setup.auth ?? (token === null ? null : basicAuth(registry, token))
  let manifest: Record<string, unknown> = {
    name: 'test/project',
    repositories: [repositoryOf(registry, setup.organization ?? 'acme'), { 'packagist.org': false }],
    config: { 'secure-http': false },
    require: setup.require ?? {},
    ...setup.manifest,
  }
  const manifestPath = join(places.project, 'composer.json')
  const write = () => writeFileSync(manifestPath, JSON.stringify(manifest, null, 4))
  write()

  async function composer(line: readonly string[], call: ComposerCall = {}): Promise<ComposerRun> {
    const used = call.auth === undefined ? auth : call.auth
    return runComposer(line, places, {
      ...(used === null ? {} : { COMPOSER_AUTH: JSON.stringify(used) }),
      ...(setup.canClone === true ? {} : { GIT_ALLOW_PROTOCOL: 'none' }),
      ...call.env,
    })
  }

  return {
    directory: places.project,
    composer,
    async succeed(line, call) {
      const run = await composer(line, call)
      if (run.code !== 0) {
        throw new Error(`composer ${line.join(' ')} ended with ${run.code}:\n${run.output}`)
      }
      return run
    },
    configure(changes) {
      manifest = { ...(JSON.parse(readFileSync(manifestPath, 'utf8')) as Record<string, unknown>), ...changes }
      write()
    },
    locked: () => readLock(places.project),
    installed: () => readInstalled(places.project),
    read(path) {
      const full = join(places.project, path)
      return existsSync(full) ? readFileSync(full, 'utf8') : null
    },
    path: (path) => join(places.project, path),
    removeVendor: () => rmSync(join(places.project, 'vendor'), { recursive: true, force: true }),
    clearCache() {
      rmSync(places.cache, { recursive: true, force: true })
      mkdirSync(places.cache)
    },
  }
}

/** An entry of `repositories` for an organization. */
export function repositoryOf(registry: Registry, organization: string): Record<string, unknown> {
  return { type: 'composer', url: `${registry.url}/${organization}` }
}

async function runComposer(
  line: readonly string[],
  places: { project: string; home: string; cache: string },
  env: Readonly<Record<string, string>>,
): Promise<ComposerRun> {
  const child = Bun.spawn(['composer', ...line, '--no-interaction', '--no-plugins', '--no-ansi'], {
    cwd: places.project,
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      LC_ALL: 'C.UTF-8',
      HOME: places.home,
      COMPOSER_HOME: places.home,
      COMPOSER_CACHE_DIR: places.cache,
      COMPOSER_ALLOW_SUPERUSER: '1',
      COMPOSER_NO_INTERACTION: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      ...env,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: TIMEOUT,
    killSignal: 'SIGKILL',
  })
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, stdout, stderr, output: `${stderr}${stdout}` }
}

function readLock(directory: string): LockedPackage[] {
  const lock = JSON.parse(readFileSync(join(directory, 'composer.lock'), 'utf8')) as Record<string, LockedPackage[]>
  return [...(lock['packages'] ?? []), ...(lock['packages-dev'] ?? [])]
}

function readInstalled(directory: string): Record<string, string> {
  const path = join(directory, 'vendor/composer/installed.json')
  if (!existsSync(path)) {
    return {}
  }
  const { packages } = JSON.parse(readFileSync(path, 'utf8')) as { packages: LockedPackage[] }
  return Object.fromEntries(packages.map(({ name, version }) => [name, version]))
}
