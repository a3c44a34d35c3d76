/** A place where an import decides otherwise than Composer 2.10.2 does when it reads the same repository. */
export interface ImportDifference {
  id: string
  /** What Composer does. */
  composer: string
  /** What `importReferences` and `metadataVersion` do. */
  repertoire: string
  why: string
  /** Whether the recorded repositories contain it, so that the comparison with them must meet it, or only a test of its own. */
  evidence: 'fixtures' | 'test'
}

/**
 * All intended differences from Composer's import. The comparison with the recorded verdicts (test/contract/composer/import.test.ts)
 * fails for any other; docs/decisions/0003-differences-from-composer-import.md explains the choices.
 */
export const IMPORT_DIFFERENCES = [
  {
    id: 'invalid-package-name',
    composer: 'gives a ref any text as package name, also "../../etc/passwd" and the empty one',
    repertoire: 'skips the ref as rejected',
    why: 'names become URLs, file names and keys; no client could require such a package',
    evidence: 'fixtures',
  },
  {
    id: 'platform-package-name',
    composer: 'gives a ref the name of a platform package, such as ext-json',
    repertoire: 'skips the ref as rejected',
    why: 'clients never ask a repository for these names',
    evidence: 'test',
  },
  {
    id: 'lower-case-name',
    composer: 'keeps the letter case of a package name',
    repertoire: 'stores the name in lower case',
    why: 'names are compared without regard to case, and clients ask for the lower-case one',
    evidence: 'fixtures',
  },
  {
    id: 'crash-skips-one-ref',
    composer: 'ends with a type error, so that no ref of the repository is read',
    repertoire: 'skips the one ref as rejected',
    why: 'a mistake on one branch must not take the other versions away',
    evidence: 'fixtures',
  },
  {
    id: 'twin-branches',
    composer: 'imports all of several branches that give the same version, such as 1, 1.x and 1.X',
    repertoire: "imports the first in Composer's order and skips the others as duplicate-version",
    why: 'a metadata document must not list a version twice (CO-029); the first is the one that a client of the repository finds',
    evidence: 'fixtures',
  },
  {
    id: 'self-link',
    composer: 'imports a version that requires, replaces, provides or conflicts with its own package',
    repertoire: 'skips the ref as rejected',
    why: 'CO-121: it is an error when published, and clients disagree about what it means',
    evidence: 'fixtures',
  },
  {
    id: 'bin-leaves-package',
    composer: 'imports a version whose bin has a ".." segment',
    repertoire: 'skips the ref as rejected',
    why: 'CO-122: clients refuse to install it since 2.10.2',
    evidence: 'fixtures',
  },
  {
    id: 'own-origin-ignored',
    composer: 'takes source and dist from the manifest if it has them, and skips the ref if they are incomplete',
    repertoire: 'ignores both fields; source and dist are those of the repository',
    why: 'a manifest could make clients download from anywhere, or a path of their own machine',
    evidence: 'fixtures',
  },
  {
    id: 'nesting-limit',
    composer: 'reads manifests that are nested up to 511 levels',
    repertoire: 'treats more than 256 levels like a missing manifest',
    why: 'documents put a manifest some levels down, where it would exceed the 512 levels that clients can read',
    evidence: 'fixtures',
  },
  {
    id: 'size-limit',
    composer: 'reads manifests of any size',
    repertoire: 'skips refs with a manifest over one mebibyte as rejected',
    why: 'memory and documents stay bounded',
    evidence: 'test',
  },
  {
    id: 'ref-name-limits',
    composer: 'imports branches whose names are up to the file system, also with bytes that are not UTF-8',
    repertoire: 'skips names over 255 characters, that are not UTF-8, or with control or direction marks as invalid-name',
    why: 'such versions cannot be written in JSON or shown faithfully, and nobody can require them',
    evidence: 'test',
  },
  {
    id: 'version-spelling',
    composer: 'shows the version field as written even with spaces, as in "2.6.0 as 2.7.0"',
    repertoire: 'shows the tag instead if the field contains white space',
    why: 'spaces do not survive in URLs, and what follows "as" is not true of the version',
    evidence: 'fixtures',
  },
  {
    id: 'malformed-values-dropped',
    composer: 'passes on values of the wrong shape, such as a URL with javascript: or a list where an object is due',
    repertoire: 'leaves these values out of the metadata (contract §6.2: warnings strip the field)',
    why: 'what reads the metadata, pages included, can rely on the shapes of the contract',
    evidence: 'fixtures',
  },
  {
    id: 'fields-left-out',
    composer: 'writes archive, autoload-dev, installation-source, notification-url and scripts into the metadata',
    repertoire: 'leaves them out (CO-039)',
    why: 'clients use them of the root project only; a notification-url would send installation reports to a stranger',
    evidence: 'fixtures',
  },
  {
    id: 'suggest-self-version',
    composer: 'replaces self.version in suggest by the version',
    repertoire: 'keeps it as written',
    why: 'clients replace it when they load the version, and the manifest can be shared between versions',
    evidence: 'fixtures',
  },
  {
    id: 'moving-times',
    composer: 'takes words such as "yesterday" and time zones by name as time of the release',
    repertoire: 'treats them as unreadable: the version has no time',
    why: 'the time of a release must not depend on when it is read',
    evidence: 'test',
  },
  {
    id: 'tag-without-commit',
    composer: 'imports a tag that leads to a tree if the manifest there names its own time',
    repertoire: 'skips the ref as rejected',
    why: 'without a commit there is no reference that a client could check out',
    evidence: 'test',
  },
] as const satisfies readonly ImportDifference[]
