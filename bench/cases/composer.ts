import type { Bench } from '../bench.ts'
import { clearCache, createProject, update, type Project } from '../composer-project.ts'
import type { Registry } from '../registry.ts'
import { alternate, type Result } from '../results.ts'

/** `composer update` of all packages of an application, without and with Composer's cache filled. */
export async function measureComposer(bench: Bench, registry: Registry): Promise<Result[]> {
  const { rounds } = bench.options
  const ours = await createApplication(bench, registry, registry.server.url)
  const reference = await createApplication(bench, registry, registry.nginx.url)
  bench.say(`composer update, cold cache: ${rounds} alternating runs.`)
  const cold = await alternate(rounds, { reference: () => updateCold(reference), ours: () => updateCold(ours) })
  bench.say(`composer update, warm cache: ${rounds} alternating runs.`)
  const warm = await alternate(rounds, {
    reference: () => update(reference, 'nothing'),
    ours: () => update(ours, 'nothing'),
  })
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

function createApplication(bench: Bench, registry: Registry, url: string): Promise<Project> {
  const { applicationPackages } = registry
  return createProject(bench, {
    repository: `${url}/project`,
    authorization: registry.authorization.application,
    require: applicationPackages,
    packages: applicationPackages.length,
  })
}

async function updateCold(project: Project): Promise<number> {
  await clearCache(project)
  return update(project, 'nothing')
}
