/*
 * What every git process gets and nothing else. The configuration of the machine, of the user and of the environment
 * is not read; what could run a program or open another connection is off. Settings go by `-c`, which every
 * supported git understands: a variable that an old git ignores would leave a protection off without a word.
 *
 * Objects are not checked with fsck on arrival: many honest repositories have old faults that it refuses, and what it
 * protects is a checkout (paths such as .git/hooks, .gitmodules), which a bare mirror never has. Git still computes
 * every object's name itself and walks all new trees before refs move.
 */

/** The largest piece of memory that a git process may ask for at once; a pack that needs more is refused. */
const ALLOCATION_LIMIT = '256m'

const SETTINGS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.askPass=',
  'credential.helper=',
  'credential.interactive=false',
  'core.bigFileThreshold=32m',
  'core.deltaBaseCacheLimit=32m',
  'core.packedGitLimit=256m',
  'core.packedGitWindowSize=16m',
  'pack.threads=1',
  'pack.windowMemory=64m',
  'repack.writeBitmaps=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'init.defaultBranch=main',
  'init.templateDir=',
  'fetch.fsckObjects=false',
  'fetch.unpackLimit=1',
  'fetch.recurseSubmodules=false',
  'fetch.writeCommitGraph=false',
  'submodule.recurse=false',
  'transfer.bundleURI=false',
  'protocol.version=2',
  'http.followRedirects=false',
  'http.emptyAuth=false',
  'http.saveCookies=false',
]

/** The arguments before the command: which repository, and the safe settings. */
export function safeArguments(directory: string): string[] {
  return [
    '--no-pager',
    '--no-replace-objects',
    ...SETTINGS.flatMap((setting) => ['-c', setting]),
    '-c',
    `safe.directory=${directory}`,
    `--git-dir=${directory}`,
  ]
}

/** The whole environment of a process that needs no connection. */
export function baseEnvironment(): Record<string, string> {
  const environment: Record<string, string> = {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_DEFAULT_HASH: 'sha1',
    GIT_DEFAULT_REF_FORMAT: 'files',
    GIT_ALLOC_LIMIT: ALLOCATION_LIMIT,
  }
  // The operator's own certificate authorities are part of the machine's trust, not of the user's configuration.
  for (const name of ['GIT_SSL_CAINFO', 'SSL_CERT_FILE', 'SSL_CERT_DIR']) {
    const value = process.env[name]
    if (value !== undefined) environment[name] = value
  }
  return environment
}
