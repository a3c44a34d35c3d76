import { join } from 'node:path'
import { bunPath, ensureDependencies } from './lib/dependencies.mjs'
import { become, cache, fail, root } from './lib/run.mjs'

// Reloads on each change and keeps its data apart from that of `npm start`.
try {
  await ensureDependencies()
  const env = { REPERTOIRE_DATA: process.env['REPERTOIRE_DATA'] ?? join(cache, 'dev') }
  become(bunPath(), ['--watch', join(root, 'src/main.ts'), 'serve', ...process.argv.slice(2)], env)
} catch (error) {
  fail(error instanceof Error ? error.message : String(error))
}
