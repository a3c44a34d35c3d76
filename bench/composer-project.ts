import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench } from './bench.ts'
import { LOAD_CORE, runCommand } from './processes.ts'
import { secretOf } from './provision.ts'

/** A project of one repository, with a cache of its own. */
export interface Project {
  directory: string
  environment: Record<string, string>
  /** Packages that a complete update locks. */
  packages: number
}

/** What a project requires, and where from; without `authorization` it sends no credentials. */
export interface ProjectPlan {
  repository: string
  authorization: string | null
  require: readonly string[]
  packages: number
}

/** Creates a project that has neither a cache nor a lock file. */
export async function createProject(bench: Bench, plan: ProjectPlan): Promise<Project> {
  const { repository, authorization, require, packages } = plan
  const directory = await bench.folder('composer')
  const content = {
    repositories: [{ type: 'composer', url: repository }, { 'packagist.org': false }],
    require: Object.fromEntries(require.map((name) => [name, '^1.0'])),
    config: { 'secure-http': false, platform: { php: '8.4.0' } },
  }
  await writeFile(join(directory, 'composer.json'), JSON.stringify(content))
  const auth =
    authorization === null
      ? {}
      : { 'http-basic': { [new URL(repository).host]: { username: 'token', password: secretOf(authorization) } } }
  return {
    directory,
    environment: {
      HOME: directory,
      COMPOSER_HOME: join(directory, 'home'),
      COMPOSER_CACHE_DIR: join(directory, 'cache'),
      COMPOSER_ALLOW_SUPERUSER: '1',
      COMPOSER_AUTH: JSON.stringify(auth),
    },
    packages,
  }
}

/** Empties Composer's cache. */
export async function clearCache({ directory }: Project): Promise<void> {
  await rm(join(directory, 'cache'), { recursive: true, force: true })
  await mkdir(join(directory, 'cache'))
}

/** Milliseconds of one update that resolves everything, and installs what it resolved or nothing. */
export async function update({ directory, environment, packages }: Project, then: 'install' | 'nothing'): Promise<number> {
  await rm(join(directory, 'composer.lock'), { force: true })
  await rm(join(directory, 'vendor'), { recursive: true, force: true })
  const command = ['composer', 'update', '--no-interaction', '--no-plugins', '--no-scripts', '--no-audit', '--quiet']
  if (then === 'nothing') {
    command.push('--no-install')
  }
  const { duration } = await runCommand(command, { cores: LOAD_CORE, environment, directory })
  const lock = (await Bun.file(join(directory, 'composer.lock')).json()) as { packages: unknown[] }
  if (lock.packages.length !== packages) {
    throw new Error(`composer locked ${lock.packages.length} packages, expected ${packages}.`)
  }
  return duration
}
