import { describe, expect, test } from 'bun:test'
import { IMPORT_DIFFERENCES } from '../../../src/composer/import/differences.ts'
import { importReferences, type ImportedVersion, type ImportResult } from '../../../src/composer/import/references.ts'
import { LINK_KINDS } from '../../../src/composer/import/version-manifest.ts'
import { metadataVersion } from '../../../src/composer/metadata-version.ts'
import { EXPECTED_DIFFERENCES } from './expected-differences.ts'
import {
  type ExpectedVersion,
  readRepository,
  REPOSITORIES,
  type RepositoryFixture,
  toImportInput,
} from './repository-fixture.ts'

describe('Import of the recorded repositories', () => {
  for (const file of REPOSITORIES) {
    test(`${file} decides about every ref, in Composer's order`, () => {
      const fixture = readRepository(file)
      const result = importReferences(toImportInput(fixture))

      expect(result.versions.length + result.skipped.length).toBe(fixture.refs.length)
      expect(orderOf(result, fixture)).toEqual(expectedOrder(result, fixture))
    })

    test(`${file} has Composer's default branch`, () => {
      const fixture = readRepository(file)
      const { rootIdentifier } = importReferences(toImportInput(fixture))

      const root = fixture.expected.root_identifier
      const exists = fixture.default_branch !== null && fixture.refs.some((ref) => ref.kind === 'branch' && ref.name === root)
      expect(rootIdentifier).toBe(exists ? root : null)
    })
  }

  test('nothing differs from Composer but what differences.ts lists, and all of that does', () => {
    const observed = REPOSITORIES.flatMap((file) => {
      const fixture = readRepository(file)
      return compare(fixture, importReferences(toImportInput(fixture))).map(
        ([ref, effect]) => `${file} ${shortRef(file, ref)} ${effect}`,
      )
    })
    const listed = Object.values(EXPECTED_DIFFERENCES).flatMap((occurrences) =>
      occurrences.map((occurrence) => occurrence.join(' ')),
    )

    expect(observed.toSorted()).toEqual(listed.toSorted())
  })

  test('every difference that the recordings contain is enumerated, and no other', () => {
    const withEvidence = IMPORT_DIFFERENCES.filter(({ evidence }) => evidence === 'fixtures').map(({ id }) => id)

    expect(Object.keys(EXPECTED_DIFFERENCES).toSorted()).toEqual(withEvidence.toSorted())
    expect(Object.values(EXPECTED_DIFFERENCES).every((occurrences) => occurrences.length > 0)).toBe(true)
  })
})

/** The effects in which the import differs from the recording, by ref. */
function compare({ expected }: RepositoryFixture, result: ImportResult): [string, string][] {
  const versions = new Map(result.versions.map((version) => [version.ref, version]))
  const skips = new Map(result.skipped.map((skip) => [skip.ref, skip.code]))
  const effects: [string, string][] = []
  for (const wanted of expected.versions) {
    const version = versions.get(wanted.ref)
    const fields = version === undefined ? [] : otherFields(wanted, version)
    if (version === undefined) effects.push([wanted.ref, `skipped as ${skips.get(wanted.ref)}`])
    else if (fields.length > 0) effects.push([wanted.ref, `other ${fields.toSorted().join(', ')}`])
  }
  for (const { ref, code } of expected.skipped) {
    const found = skips.get(ref)
    if (found === undefined) effects.push([ref, 'imported'])
    else if (found !== code) effects.push([ref, `${code} becomes ${found}`])
  }
  return effects
}

function otherFields({ dump, ...wanted }: ExpectedVersion, version: ImportedVersion): string[] {
  const fields = differing(wanted, toExpected(version))
  if (dump === undefined) return fields
  const written = metadataVersion(version, { source: null, dist: null, abandoned: version.abandoned })
  return [...fields, ...differing(dump, written).map((name) => `dump.${name}`)]
}

function differing(wanted: object, found: object): string[] {
  const [left, right] = [Object.entries(wanted), Object.entries(found)].map((entries) => new Map<string, unknown>(entries))
  const names = new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])])
  return [...names].filter((name) => !Bun.deepEquals(canonical(left?.get(name)), canonical(right?.get(name))))
}

/** PHP writes an empty object as an empty list. */
function canonical(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Object.keys(value).length === 0) return '[]'
  return Array.isArray(value) ? value.map(canonical) : new Map(Object.entries(value).map(([key, item]) => [key, canonical(item)]))
}

function toExpected(version: ImportedVersion): object {
  const { ref, name, stability, reference, time, type, abandoned, manifest, branchAlias } = version
  const links = [...LINK_KINDS, 'suggest' as const].map((kind): [string, number] => [
    kind,
    Object.keys(manifest[kind] ?? {}).length,
  ])
  const alias = branchAlias === null ? null : { version: branchAlias.version, version_normalized: branchAlias.normalized }
  const derived = {
    is_dev: version.isDev,
    default_branch: version.isDefaultBranch,
    branch_alias: alias,
    links: Object.fromEntries(links),
  }
  return {
    ref,
    name,
    version: version.version,
    version_normalized: version.normalized,
    stability,
    reference,
    time,
    type,
    abandoned,
    ...derived,
  }
}

/** Composer lists refs on which it crashes, and those that it does not see, after the others. */
function expectedOrder(result: ImportResult, { expected }: RepositoryFixture): string[] {
  const found = new Set([...result.versions, ...result.skipped].map(({ ref }) => ref))
  const inPlace = expected.skipped.filter(({ code }) => code !== 'crash' && code !== 'not-listed')
  const [versions, skipped] = [new Set(result.versions.map(({ ref }) => ref)), new Set(result.skipped.map(({ ref }) => ref))]
  expect(found.size).toBe(result.versions.length + result.skipped.length)
  return [
    ...expected.versions.map(({ ref }) => ref).filter((ref) => versions.has(ref)),
    ...inPlace.map(({ ref }) => ref).filter((ref) => skipped.has(ref)),
  ]
}

function orderOf(result: ImportResult, { expected }: RepositoryFixture): string[] {
  const versions = new Set(expected.versions.map(({ ref }) => ref))
  const inPlace = new Set(expected.skipped.filter(({ code }) => code !== 'crash' && code !== 'not-listed').map(({ ref }) => ref))
  return [
    ...result.versions.map(({ ref }) => ref).filter((ref) => versions.has(ref)),
    ...result.skipped.map(({ ref }) => ref).filter((ref) => inPlace.has(ref)),
  ]
}

function shortRef(file: string, ref: string): string {
  return file === 'synthetic--manifests' ? ref.replace(/^refs\/tags\/[^+]*|^refs\/heads\/case/, '') : ref
}
