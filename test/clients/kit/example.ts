/** The example project of the Composer contract (composer.md §8): five packages in three waves of requirements. */
import { createReleases } from './packages.ts'
import type { Registry } from './registry.ts'

/** Creates the organization `acme` and publishes the example's packages in it. Returns a token. */
export async function publishExample(registry: Registry): Promise<string> {
  await registry.cli('org', 'create', 'acme')
  const repositories = await Promise.all([
    createReleases('acme/core', { '1.0.0': {}, '1.2.0': { 'acme/http': '^1.0', 'acme/log': '^1.0' } }),
    createReleases('acme/http', { '1.0.0': {}, '1.1.0': { 'acme/contracts': '^1.0' } }),
    createReleases('acme/log', { '1.0.0': { 'acme/contracts': '^1.0' } }),
    createReleases('acme/contracts', { '1.0.0': {}, '1.0.1': {}, '2.0.0': {} }),
    createReleases('acme/tools', { '0.1.0': {} }),
  ])
  for (const repository of repositories) {
    await registry.publish('acme', repository)
  }
  await registry.settle()
  return registry.token('acme')
}

/** What the example's root project requires. */
export const EXAMPLE_ROOT = {
  require: { 'acme/core': '^1.0' },
  manifest: { 'require-dev': { 'acme/tools': 'dev-main' } },
} as const

/** What an update of the example installs. */
export const EXAMPLE_INSTALLED = {
  'acme/contracts': '1.0.1',
  'acme/core': '1.2.0',
  'acme/http': '1.1.0',
  'acme/log': '1.0.0',
  'acme/tools': 'dev-main',
} as const
