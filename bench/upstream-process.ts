/** The process of `startUpstreamProcess`: serves made-up packages and writes its URL to a file once it listens. */
import { rename, writeFile } from 'node:fs/promises'
import { startUpstream } from '../test/kit/upstream-host.ts'
import type { UpstreamVersionSpec } from '../test/kit/upstream-packages.ts'
import { dependenciesOf, packageNames, type UpstreamPlan } from './upstream.ts'

const [text = '{}', path = ''] = process.argv.slice(2)
const plan = JSON.parse(text) as UpstreamPlan

function versionsOf(index: number, names: readonly string[]): UpstreamVersionSpec[] {
  const name = names[index] ?? ''
  return Array.from({ length: plan.versions }, (_, minor) => ({
    version: `1.${minor}.0`,
    bytes: plan.bytes,
    manifest: {
      description: `The ${name} library`,
      license: ['MIT'],
      authors: [{ name: 'A U Thor', email: 'author@example.org' }],
      autoload: { 'psr-4': { [`Bench\\P${index}\\`]: 'src/' } },
      require: { php: '>=8.1', ...Object.fromEntries(dependenciesOf(index, names).map((required) => [required, '^1.0'])) },
    },
  }))
}

const names = packageNames(plan)
const upstream = await startUpstream({
  packages: Object.fromEntries(names.map((name, index) => [name, versionsOf(index, names)])),
  latency: plan.latency,
  origins: 'dist',
})
await writeFile(`${path}.part`, upstream.url)
await rename(`${path}.part`, path)
