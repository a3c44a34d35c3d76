/** The documents of an upstream in each shape that repositories have (contract composer.md §1, §2, §4 and §7). */
import { createHash } from 'node:crypto'
import { minifyVersions, tryNormalizeVersion, type VersionData } from '../../src/composer/index.ts'
import { isDevelopment, sha1, type StoredPackage, type StoredVersion, type UpstreamPackages } from './upstream-packages.ts'

/**
 * `v2`: a file per package, and nothing says which there are; `v2-available` and `v2-patterns` say it; `v2-unminified` writes every version
 * in full. `providers`, `lazy`: Composer 1 with and without checksums. `inline`: all in the root file. `satis`: all in a file it includes.
 */
export type UpstreamShape = 'v2' | 'v2-available' | 'v2-patterns' | 'v2-unminified' | 'providers' | 'lazy' | 'inline' | 'satis'

/** How the documents are written. */
export interface UpstreamStyle {
  shape: UpstreamShape
  /** Every version carries a `uid`; files of Composer 1 always have it. */
  uid: boolean
  /** Versions carry `version_normalized`. */
  normalized: boolean
  /** How URLs are written, in the root file and of archives. */
  urls: 'absolute' | 'root-relative' | 'relative'
  /** What versions say about where their files are. */
  origins: 'both' | 'dist' | 'source'
  /** Whether `dist` has a checksum. */
  shasum: boolean
  /** Further keys of the root file; null leaves out one that would be there. */
  root: Readonly<Record<string, unknown>>
}

export interface UpstreamDocument {
  body: string
  /** Unix seconds. */
  modified: number
}

/** Where the repository is: `base` without a slash at the end. */
export interface UpstreamPlace {
  origin: string
  base: string
}

/** What the upstream says beside its packages. */
export interface UpstreamFacts {
  hasFeed: boolean
  hasList: boolean
  hasAdvisories: boolean
  /** Filter list → package → constraint. */
  filters: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** All files of the repository by their path below `base`, without a slash in front; `rootName` is that of the root file. */
export function writeDocuments(
  packages: UpstreamPackages,
  style: UpstreamStyle,
  { place, facts, rootName }: { place: UpstreamPlace; facts: UpstreamFacts; rootName: string },
): Map<string, UpstreamDocument> {
  const files = new Map<string, UpstreamDocument>()
  const modified = packages.now()
  const url = (path: string) => writeUrl(path, place, style.urls)
  const version = (owner: StoredPackage, stored: StoredVersion) => describeVersion(packages, style, { owner, stored, url })
  const complete = (owner: StoredPackage) =>
    Object.fromEntries(owner.versions.map((stored) => [stored.version, version(owner, stored)]))
  const root: Record<string, unknown> = { packages: [] }

  if (style.shape.startsWith('v2')) {
    root['metadata-url'] = url('p2/%package%.json')
    const names = [...packages.all.keys()]
    if (style.shape === 'v2-available') root['available-packages'] = names
    if (style.shape === 'v2-patterns') {
      root['available-package-patterns'] = [...new Set(names.map((name) => `${name.split('/')[0]}/*`))]
    }
    for (const owner of packages.all.values()) writePackageFiles(files, owner, { style, facts, version })
  }
  if (style.shape === 'providers') {
    root['providers-url'] = url('p/%package%$%hash%.json')
    const providers: Record<string, { sha256: string }> = {}
    for (const owner of packages.all.values()) {
      const body = JSON.stringify({ packages: { [owner.name]: complete(owner) } })
      providers[owner.name] = { sha256: sha256(body) }
      files.set(`p/${owner.name}$${sha256(body)}.json`, { body, modified: owner.modified })
    }
    const list = JSON.stringify({ providers })
    files.set(`p/provider-latest$${sha256(list)}.json`, { body: list, modified })
    root['provider-includes'] = { 'p/provider-latest$%hash%.json': { sha256: sha256(list) } }
  }
  if (style.shape === 'lazy') {
    root['providers-lazy-url'] = url('p/%package%.json')
    for (const owner of packages.all.values()) {
      files.set(`p/${owner.name}.json`, {
        body: JSON.stringify({ packages: { [owner.name]: complete(owner) } }),
        modified: owner.modified,
      })
    }
  }
  const everything = () => Object.fromEntries([...packages.all.values()].map((owner) => [owner.name, complete(owner)]))
  if (style.shape === 'inline') root['packages'] = everything()
  if (style.shape === 'satis') {
    const body = JSON.stringify({ packages: everything() })
    files.set(`include/all$${sha1(body)}.json`, { body, modified })
    root['includes'] = { [`include/all$${sha1(body)}.json`]: { sha1: sha1(body) } }
  }
  Object.assign(root, describeFacts(facts, url, style.shape))
  for (const [key, value] of Object.entries(style.root)) {
    if (value === null) delete root[key]
    else root[key] = value
  }
  files.set(rootName, { body: JSON.stringify(root), modified })
  return files
}

function describeFacts(facts: UpstreamFacts, url: (path: string) => string, shape: UpstreamShape): Record<string, unknown> {
  const isV2 = shape.startsWith('v2')
  return {
    ...(facts.hasFeed ? { 'metadata-changes-url': url('metadata/changes.json') } : {}),
    ...(facts.hasList ? { list: url('packages/list.json') } : {}),
    ...(facts.hasAdvisories && isV2
      ? { 'security-advisories': { metadata: false, 'api-url': url('api/security-advisories/') } }
      : {}),
    ...(Object.keys(facts.filters).length > 0 && isV2
      ? {
          filter: {
            metadata: true,
            lists: Object.fromEntries(Object.keys(facts.filters).map((name) => [name, { enabled: true }])),
            'summary-url': url('filter/summary.json'),
            'api-url': url('filter/api'),
          },
        }
      : {}),
  }
}

function writePackageFiles(
  files: Map<string, UpstreamDocument>,
  owner: StoredPackage,
  {
    style,
    facts,
    version,
  }: { style: UpstreamStyle; facts: UpstreamFacts; version: (owner: StoredPackage, stored: StoredVersion) => VersionData },
): void {
  for (const isDev of [false, true]) {
    const versions = owner.versions.filter((stored) => isDevelopment(stored.version) === isDev)
    const objects = versions.map((stored) => version(owner, stored))
    const isMinified = style.shape !== 'v2-unminified'
    const filter = Object.entries(facts.filters)
      .map(([list, entries]) => [list, entries[owner.name]] as const)
      .filter(([, constraint]) => constraint !== undefined)
      .map(([list, constraint]) => [list, [{ constraint }]])
    const body = JSON.stringify({
      ...(isMinified ? { minified: 'composer/2.0' } : {}),
      packages: { [owner.name]: isMinified ? minifyVersions(objects) : objects },
      ...(filter.length > 0 && !isDev ? { filter: Object.fromEntries(filter) as unknown } : {}),
    })
    files.set(`p2/${owner.name}${isDev ? '~dev' : ''}.json`, { body, modified: owner.modified })
  }
}

function describeVersion(
  packages: UpstreamPackages,
  style: UpstreamStyle,
  { owner, stored, url }: { owner: StoredPackage; stored: StoredVersion; url: (path: string) => string },
): VersionData {
  const { version, reference, manifest } = stored
  const archive = packages.archives.get(`${owner.name}/${reference}`)
  const isOldStyle = !style.shape.startsWith('v2')
  return {
    name: owner.name,
    version,
    ...(style.normalized ? { version_normalized: tryNormalizeVersion(version) ?? version } : {}),
    type: 'library',
    ...(style.origins === 'dist' ? {} : { source: { type: 'git', url: `https://git.example.org/${owner.name}.git`, reference } }),
    ...(style.origins === 'source'
      ? {}
      : {
          dist: {
            type: 'zip',
            url: url(`dist/${owner.name}/${reference}.zip`),
            reference,
            ...(style.shasum && archive !== undefined ? { shasum: archive.sha1 } : {}),
          },
        }),
    time: '2026-01-05T10:00:00+00:00',
    ...(style.uid || isOldStyle ? { uid: uidOf(`${owner.name} ${version}`) } : {}),
    ...manifest,
  } as VersionData
}

function writeUrl(path: string, place: UpstreamPlace, style: UpstreamStyle['urls']): string {
  if (style === 'relative') return path
  const absolute = `${place.base}/${path}`
  return style === 'absolute' ? absolute : absolute.slice(place.origin.length)
}

function uidOf(text: string): number {
  return Number.parseInt(sha1(text).slice(0, 12), 16)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
