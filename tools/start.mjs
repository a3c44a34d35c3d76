import { join } from 'node:path'
import { bunPath, ensureDependencies } from './lib/dependencies.mjs'
import { become, fail, root } from './lib/run.mjs'

try {
  await ensureDependencies()
  become(bunPath(), [join(root, 'src/main.ts'), 'serve', ...process.argv.slice(2)])
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
