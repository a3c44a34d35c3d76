import type { IMPORT_DIFFERENCES } from '../../../src/composer/import/differences.ts'

type DifferenceId = (typeof IMPORT_DIFFERENCES)[number]['id']

/** Where in the recorded repositories a listed difference shows: file, ref (or the case that has a tag and a branch) and effect. */
export type Occurrence = readonly [file: string, refs: string, effect: string]

const MANIFESTS = 'synthetic--manifests'
const NAMELESS = ['absent', 'broken', 'nameless'].map((kind) => `synthetic--names-default-${kind}`)
const TWINS = ['main', 'feature', 'trunk', '2.x', '2.x-alias'].map((kind) => `synthetic--default-${kind}`)
const TWINS_WITH_V = ['v2.x', 'v2.x-alias'].map((kind) => `synthetic--default-${kind}`)

/** Every occurrence of every difference; the comparison must find these and no others. */
export const EXPECTED_DIFFERENCES: Partial<Record<DifferenceId, readonly Occurrence[]>> = {
  'invalid-package-name': at(NAMELESS, ['1.10.0', '1.3.0', '1.7.0', '1.8.0', '1.9.0'].map(tag), 'skipped as rejected'),
  'lower-case-name': at(NAMELESS, [tag('1.1.0')], 'other dump.name, name'),
  'crash-skips-one-ref': [
    ...at(NAMELESS, ['1.5.0', '1.6.0'].map(tag), 'crash becomes rejected'),
    ...at(['synthetic--aliases'], ['t3', 't4', 't5'].map(branch), 'crash becomes rejected'),
    ...inManifests(['bin-nested', 'bin-int', 'autoload-string', 'type-int', 'type-array'], 'crash becomes rejected'),
    ...inManifests(['suggest-int', 'suggest-array', 'time-epoch-int', 'time-array'], 'crash becomes rejected'),
  ],
  'twin-branches': [
    ...at(['synthetic--refs'], ['00', '1.0.x', '1.X', '1.x', 'v2.x'].map(branch), 'skipped as duplicate-version'),
    ...at(TWINS, ['v2', 'v2.x'].map(branch), 'skipped as duplicate-version'),
    ...at(TWINS_WITH_V, ['2.x', 'v2'].map(branch), 'skipped as duplicate-version'),
  ],
  'self-link': inManifests(['require-self'], 'skipped as rejected'),
  'bin-leaves-package': inManifests(['bin-list'], 'skipped as rejected'),
  'own-origin-ignored': [
    ...inManifests(['source-own'], 'other reference, source'),
    ...inManifests(['dist-own', 'dist-no-reference', 'dist-file-url'], 'other dist'),
    ...inManifests(['source-no-reference', 'source-string', 'dist-no-type'], 'imported'),
  ],
  'nesting-limit': inManifests(['deep-509'], 'skipped as no-manifest'),
  'version-spelling': at(['synthetic--version-field'], ['1.2.2', '2.6.0'].map(tag), 'other dump.version, version'),
  'malformed-values-dropped': [
    ...inManifests(['license-object', 'license-int'], 'other dump.license'),
    ...inManifests(['authors-object', 'authors-nested'], 'other dump.authors'),
    ...inManifests(['keywords-mixed'], 'other dump.keywords'),
    ...inManifests(['homepage-javascript'], 'other dump.homepage'),
    ...inManifests(['support-object'], 'other dump.support'),
    ...inManifests(['funding-object'], 'other dump.funding'),
    ...inManifests(['extra-list'], 'other dump.extra'),
    ...inManifests(['autoload-list'], 'other dump.autoload'),
    ...inManifests(['type-spaces'], 'other dump.type, type'),
  ],
  'fields-left-out': [
    ...inManifests(['archive'], 'other dump.archive'),
    ...inManifests(['autoload-full'], 'other dump.autoload-dev'),
    ...inManifests(['installation-source'], 'other dump.installation-source'),
    ...inManifests(['notification-url'], 'other dump.notification-url'),
    ...inManifests(['scripts'], 'other dump.scripts'),
  ],
  'suggest-self-version': inManifests(['suggest-self-version'], 'other dump.suggest'),
}

function at(files: readonly string[], refs: readonly string[], effect: string): Occurrence[] {
  return files.flatMap((file) => refs.map((ref): Occurrence => [file, ref, effect]))
}

/** Each case of the manifests file is there twice: at a tag with the case after `+`, and at a branch `case/…`. */
function inManifests(cases: readonly string[], effect: string): Occurrence[] {
  return cases.flatMap((name) => at([MANIFESTS], [`+${name}`, `/${name}`], effect))
}

function tag(name: string): string {
  return `refs/tags/${name}`
}

function branch(name: string): string {
  return `refs/heads/${name}`
}
