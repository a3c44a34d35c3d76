import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '..', '..', '..', 'shared', 'fixtures')

/** Reads a file of the shared fixtures, which lie beside the repository; `path` is relative to them. Throws when it is absent. */
export function readFixture(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** Reads a JSON file of the shared fixtures as the shape that the caller names. */
export function readJsonFixture<Shape>(path: string): Shape {
  return JSON.parse(readFixture(path)) as Shape
}
