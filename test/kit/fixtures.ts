import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const BESIDE = join(import.meta.dir, '..', '..', '..', 'shared', 'fixtures')
const COPIED = join(import.meta.dir, '..', 'fixtures')

/** Where a file of the fixtures lies: beside the repository where they are kept, else the copy in test/fixtures. */
export function fixturePath(path: string): string {
  const beside = join(BESIDE, path)
  return existsSync(beside) ? beside : join(COPIED, path)
}

/** Reads a file of the fixtures; `path` is relative to their folder. Throws when it is absent. */
export function readFixture(path: string): string {
  return readFileSync(fixturePath(path), 'utf8')
}

/** Reads a JSON file of the fixtures as the shape that the caller names. */
export function readJsonFixture<Shape>(path: string): Shape {
  return JSON.parse(readFixture(path)) as Shape
}
