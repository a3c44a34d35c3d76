import { expect, test } from 'bun:test'
import type { VersionId } from '../kernel/values.ts'
import type { Advisory } from './advisory.ts'
import { findRequiring, readRequirements } from './plan-findings.ts'

function version(id: number, text: string, manifest: object) {
  return { id: id as VersionId, version: text, normalized: `${text}.0`, manifest: JSON.stringify(manifest) }
}

function advise(packageName: string, affectedVersions: string) {
  return new Map([[packageName, [{ advisoryId: 'X', packageName, affectedVersions } as Advisory]]])
}

test('PR-802 platform packages are no requirements, and names are compared in lower case', () => {
  const manifest = { require: { php: '^8.1', 'ext-json': '*', 'composer-plugin-api': '^2', 'Acme/Core': '^1.0' } }

  expect([...readRequirements([version(1, '1.0.0', manifest)]).keys()]).toEqual(['acme/core'])
})

test('what several versions require the same is looked at once, and self.version is the version that requires', () => {
  const same = { require: { 'acme/core': 'self.version', 'acme/tool': '^1.0' } }
  const requirements = readRequirements([version(1, '1.0.0', same), version(2, '2.0.0', same)])
  const affected = (name: string, versions: string) =>
    findRequiring(requirements, advise(name, versions)).map((finding) => [...finding.versions] as number[])

  expect(affected('acme/core', '<2.0')).toEqual([[1]])
  expect(affected('acme/core', '>=2.0')).toEqual([[2]])
  expect(affected('acme/tool', '<1.1')).toEqual([[1, 2]])
  expect(affected('acme/tool', '>=2.0')).toEqual([])
})

test('constraints with stability flags and branches are understood', () => {
  const requirements = readRequirements([
    version(1, '1.0.0', { require: { 'acme/core': '^1.0@beta' } }),
    version(2, '2.0.0', { require: { 'acme/core': 'dev-main' } }),
    version(3, '3.0.0', { require: { 'acme/core': 'dev-main#abc as 1.0' } }),
  ])
  const affected = (versions: string) =>
    findRequiring(requirements, advise('acme/core', versions)).map((finding) => [...finding.versions] as number[])

  expect(affected('<1.5')[0]).toContain(1)
  expect(affected('<1.5')[0]).not.toContain(2)
  expect(affected('*')[0]).toEqual([1, 2, 3])
})
