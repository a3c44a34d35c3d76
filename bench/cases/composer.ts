import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench } from '../bench.ts'
import { LOAD_CORE, runCommand } from '../processes.ts'
import { secretOf } from '../provision.ts'
import type { Registry } from '../registry.ts'
import { alternate, type Result } from '../results.ts'

/** A project that updates from one of the two servers, with a cache of its own. */
interface Project {
  directory: string
  environment: Record<string, string>
}

/** `composer update` of all packages of an application, without and with Composer's cache filled. */
export async function measureComposer(bench: Bench, registry: Registry): Promise<Result[]> {
  const { rounds } = bench.options
  const ours = await createProject(bench, registry, registry.server.url)
  const reference = await createProject(bench, registry, registry.nginx.url)
  bench.say(`composer update, cold cache: ${rounds} alternating runs.`)
  const cold = await alternate(rounds, { reference: () => updateCold(reference), ours: () => updateCold(ours) })
  bench.say(`composer update, warm cache: ${rounds} alternating runs.`)
  const warm = await alternate(rounds, { reference: () => update(reference), ours: () => update(ours) })
  const toResult = (name: string, samples: typeof cold, goal: Result['goal']): Result => ({
    group: 'composer',
    name: `composer update, 300 packages × 20 versions, ${name}`,
    unit: 'ms',
    ours: samples.ours,
    reference: { name: 'the same files from nginx', samples: samples.reference },
    cost: null,
    goal,
    note: null,
  })
  return [toResult('cold', cold, null), toResult('warm', warm, { kind: 'ratio_at_most', value: 1.05 })]
}

async function createProject(bench: Bench, registry: Registry, url: string): Promise<Project> {
  const directory = await bench.folder('composer')
  const repository = `${url}/project`
  const content = {
    repositories: [{ type: 'composer', url: repository }, { 'packagist.org': false }],
    require: Object.fromEntries(registry.applicationPackages.map((name) => [name, '^1.0'])),
    config: { 'secure-http': false, platform: { php: '8.4.0' } },
  }
  await writeFile(join(directory, 'composer.json'), JSON.stringify(content))
  const secret = secretOf(registry.authorization.application)
  return {
    directory,
    environment: {
      HOME: directory,
      COMPOSER_HOME: join(directory, 'home'),
      COMPOSER_CACHE_DIR: join(directory, 'cache'),
      COMPOSER_ALLOW_SUPERUSER: '1',
      COMPOSER_AUTH: JSON.stringify({ 'http-basic': { [new URL(url).host]: { username: 'token', password: secret } } }),
    },
  }
}

async function updateCold(project: Project): Promise<number> {
  await rm(join(project.directory, 'cache'), { recursive: true, force: true })
  await mkdir(join(project.directory, 'cache'))
  return update(project)
}

/** Milliseconds of one update that resolves everything and installs nothing. */
async function update({ directory, environment }: Project): Promise<number> {
  await rm(join(directory, 'composer.lock'), { force: true })
  const command = [
    'composer',
    'update',
    '--no-install',
    '--no-interaction',
    '--no-plugins',
    '--no-scripts',
    '--no-audit',
    '--quiet',
  ]
  const { duration } = await runCommand(command, { cores: LOAD_CORE, environment, directory })
  const lock = (await Bun.file(join(directory, 'composer.lock')).json()) as { packages: unknown[] }
  if (lock.packages.length !== 300) {
    throw new Error(`composer locked ${lock.packages.length} packages, expected 300.`)
  }
  return duration
}
