import { expect, test } from 'bun:test'
import {
  branchAlias,
  expandMirrorUrl,
  expandSourceMirrorUrl,
  expandVersions,
  isExcluded,
  isPlatformPackage,
  isStabilityAcceptable,
  minifyVersions,
  packageNameProblem,
  parseArchiveExclude,
  parsePackageName,
  readRootRequirement,
  STABILITIES,
  type Stability,
  type VersionData,
} from '../../../src/composer/index.ts'
import { readJsonFixture } from '../../kit/fixtures.ts'

interface AliasCase {
  version: string
  'branch-alias': Record<string, string>
  'default-branch': boolean
  alias_normalized: string | null
  alias_pretty: string | null
}

interface StabilityCase {
  'minimum-stability': Stability
  require: string
  flag: string | null
  acceptable: string[]
  fetchesDevFile: boolean
  reference: string | null
}

interface MirrorUrls {
  dist: {
    template: string
    package: string
    version: string
    reference: string | null
    type: string
    prettyVersion: string | null
    result: string
  }[]
  git: { template: string; package: string; sourceUrl: string; type: string; result: string }[]
}

test('CO-105 every branch alias of the vectors is derived as recorded', () => {
  const { cases } = readJsonFixture<{ cases: AliasCase[] }>('semver/branch-alias.json')
  expect(cases).toHaveLength(31)
  const actual = cases.map((recorded) => {
    const declared = {
      version: recorded.version,
      defaultBranch: recorded['default-branch'],
      branchAlias: recorded['branch-alias'],
    }
    const alias = branchAlias(declared)
    return { ...recorded, alias_normalized: alias?.normalized ?? null, alias_pretty: alias?.version ?? null }
  })

  expect(actual).toEqual(cases)
})

test('CO-106 every root requirement of the vectors yields the recorded flag, stabilities, reference and dev file', () => {
  const { cases } = readJsonFixture<{ cases: StabilityCase[] }>('semver/stability.json')
  expect(cases).toHaveLength(140)
  const actual = cases.map((recorded): StabilityCase => {
    const minimum = recorded['minimum-stability']
    const requirement = readRootRequirement(recorded.require, minimum)
    const limits = { minimum, flag: requirement.flag }
    const acceptable = STABILITIES.filter((stability) => isStabilityAcceptable(stability, limits))
    return { 'minimum-stability': minimum, require: recorded.require, acceptable, ...requirement }
  })

  expect(actual).toEqual(cases)
})

test('CO-107 CO-081 CO-082 every mirror URL of the vectors expands as recorded', () => {
  const { dist, git } = readJsonFixture<MirrorUrls>('semver/mirror-url.json')
  expect(dist).toHaveLength(6)
  expect(git).toHaveLength(5)

  expect(dist.map((c) => expandMirrorUrl(c.template, { ...c, packageName: c.package }))).toEqual(dist.map((c) => c.result))
  expect(git.map((c) => expandSourceMirrorUrl(c.template, { ...c, packageName: c.package }))).toEqual(git.map((c) => c.result))
})

test('CO-108 CO-025 CO-026 every list of the vectors minifies and expands as recorded, to the order of keys', () => {
  const { cases } = readJsonFixture<{ cases: Record<'versions' | 'minified' | 'expanded', VersionData[]>[] }>(
    'semver/minify.json',
  )
  expect(cases).toHaveLength(7)

  for (const { versions, minified, expanded } of cases) {
    expect(JSON.stringify(minifyVersions(versions))).toBe(JSON.stringify(minified))
    expect(JSON.stringify(expandVersions(minified))).toBe(JSON.stringify(expanded))
  }
})

test('CO-110 every name of the vectors is accepted or refused as recorded', () => {
  interface NameCase {
    name: string
    platform: boolean
    valid: boolean
    error: string | null
  }
  const { cases } = readJsonFixture<{ cases: NameCase[] }>('semver/package-name.json')
  expect(cases).toHaveLength(79)
  const actual = cases.map(({ name }) => {
    const error = packageNameProblem(name)
    return { name, platform: isPlatformPackage(name), valid: error === null, error }
  })

  expect(actual).toEqual(cases)
  const publishable = cases.filter(({ valid, platform }) => valid && !platform).map(({ name }) => name)
  expect(publishable.map(parsePackageName) as string[]).toEqual(publishable)
})

test('CO-077 every path of the exclusion vectors is left out or kept as recorded', () => {
  const { cases } = readJsonFixture<{ cases: { rules: string[]; excluded: string[]; kept: string[] }[] }>(
    'semver/archive-exclude.json',
  )
  expect(cases).toHaveLength(18)

  for (const { rules, excluded, kept } of cases) {
    const parsed = parseArchiveExclude(rules)
    expect([...excluded, ...kept].filter((path) => isExcluded(parsed, path))).toEqual(excluded)
  }
})
