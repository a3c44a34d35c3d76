/** The oldest and the newest Composer that Debian has; `tools/lib/composer-versions.mjs` brings them. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

export type ComposerAge = 'oldest' | 'newest'

/** Environment of a `ComposerCall` that makes it run this Composer instead of the installed one. */
export function composerOf(age: ComposerAge): { PATH: string } {
  const folder = join(import.meta.dir, '../../.cache/composer', age, 'bin')
  if (!existsSync(join(folder, 'composer'))) {
    throw new Error(`The ${age} Composer is missing; npm test fetches it, or node tools/composer-versions.mjs.`)
  }
  return { PATH: `${folder}:${process.env['PATH'] ?? '/usr/bin:/bin'}` }
}
