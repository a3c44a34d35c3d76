import { join } from 'node:path'
import { bunPath, ensureDependencies } from './lib/dependencies.mjs'
import { become, fail, root } from './lib/run.mjs'
import { benchComponents, ensureSystem } from './lib/system.mjs'

try {
  await ensureDependencies()
  await ensureSystem(benchComponents)
  become(bunPath(), [join(root, 'bench/main.ts'), ...process.argv.slice(2)])
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
