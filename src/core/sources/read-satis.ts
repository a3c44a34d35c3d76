import { invalidInput } from '../kernel/errors.ts'

/** A value of JSON. */
type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type JsonObject = { [key: string]: Json }

/** A repository of a satis.json, as far as it can be taken over. `place` is where it stands, such as `repositories[3]`. */
export type SatisRepository =
  | {
      kind: 'vcs'
      place: string
      type: string
      url: string
      system: 'git' | 'svn' | 'hg' | null
      username: string | null
      password: string | null
    }
  | { kind: 'custom'; place: string; type: 'package'; name: string; definition: string }
  | { kind: 'other'; place: string; type: string; url: string; reason: string }

/** A credential of a satis.json or auth.json for one host. */
export interface SatisCredential {
  /** `host` or `host:port`, in lower case. */
  host: string
  kind: 'basic' | 'bearer'
  /** For `bearer` the empty string. */
  username: string
  secret: string
}

/** What a satis.json asks for that is not a repository, and what becomes of it. */
export interface SatisNote {
  setting: string
  note: string
}

/** Everything that was understood of a satis.json and an auth.json. */
export interface Satis {
  repositories: SatisRepository[]
  credentials: SatisCredential[]
  notes: SatisNote[]
}

/** Types of repositories that are version control, with their system, or null when the URL says it. Hosts' own types are git behind their API. */
const SYSTEMS: Readonly<Record<string, 'git' | 'svn' | 'hg' | null>> = {
  vcs: null,
  git: 'git',
  github: 'git',
  gitlab: 'git',
  bitbucket: 'git',
  'git-bitbucket': 'git',
  forgejo: 'git',
  svn: 'svn',
  hg: 'hg',
}

const REASONS: Readonly<Record<string, string>> = {
  composer: 'needs a mirror of that repository; mirrors are not there yet',
  artifact: 'upload the archives in the folder with: repertoire artifact upload',
  path: 'a folder on the machine of Satis; put it into a repository, or upload an archive of it',
  pear: 'PEAR channels are not supported by Composer any more',
  fossil: 'Fossil is not supported',
  perforce: 'Perforce is not supported',
}

/** What settings of Satis mean here. Those that only shape its output are not mentioned. */
const NOTES: Readonly<Record<string, string>> = {
  require: 'every package and version of each repository is published; limit what consumers see with teams or limited tokens',
  'require-all': 'this is always so: every package and version of each repository is published',
  'require-dependencies': 'dependencies from elsewhere are not copied; they need a mirror, which is not there yet',
  'require-dev-dependencies': 'dependencies from elsewhere are not copied; they need a mirror, which is not there yet',
  'only-dependencies': 'packages are not left out because they are required directly',
  'only-best-candidates': 'all versions are published, not only the best',
  blacklist: 'versions are not left out; delete tags upstream, or limit tokens to packages',
  'minimum-stability': 'all stabilities are published; consumers choose with their own minimum-stability',
  'minimum-stability-per-package': 'all stabilities are published; consumers choose with their own minimum-stability',
  archive: 'archives of all versions are made and served in any case; prefix, format and exclusions of Satis are not taken over',
  abandoned: 'set "abandoned" in the composer.json of these packages',
  'strip-hosts': 'clients see the URLs of sources; they cannot be hidden yet',
}

/**
 * Reads a satis.json, and an auth.json beside it or null. Throws `invalid_input` with the place of the first fault; repositories that cannot
 * be taken over are part of the result, with the reason.
 */
export function readSatis(satisText: string, authText: string | null): Satis {
  const satis = parseObject(satisText, 'satis.json')
  const auth = authText === null ? {} : parseObject(authText, 'auth.json')
  const notes: SatisNote[] = []
  const repositories = readRepositories(satis['repositories'] ?? [])
  for (const [setting, note] of Object.entries(NOTES)) {
    const value = satis[setting]
    const isSet = value !== undefined && value !== false && value !== null && value !== ''
    if (isSet && !(typeof value === 'object' && Object.keys(value).length === 0)) {
      notes.push({ setting, note })
    }
  }
  const config = satis['config'] === undefined ? {} : requireObject(satis['config'], 'satis.json: config')
  const credentials = [
    ...readCredentials(auth, { place: 'auth.json', notes }),
    ...readCredentials(config, { place: 'satis.json: config', notes }),
  ]
  return { repositories: mergePackages(repositories), credentials, notes }
}

function parseObject(text: string, place: string): JsonObject {
  let value: Json
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, '')) as Json
  } catch {
    // The text of the error would quote the file, which may hold secrets.
    throw invalidInput(place, 'this is not JSON')
  }
  return requireObject(value, place)
}

function requireObject(value: Json, place: string): JsonObject {
  // An empty object that PHP wrote is an empty list.
  if (Array.isArray(value) && value.length === 0) {
    return {}
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidInput(place, 'this must be an object')
  }
  return value
}

/** A list, or as in a composer.json an object by name. */
function readRepositories(value: Json): SatisRepository[] {
  if (value === null || typeof value !== 'object') {
    throw invalidInput('satis.json: repositories', 'this must be a list or an object')
  }
  const entries: [string, Json][] = Array.isArray(value)
    ? value.map((repository, index) => [`repositories[${index}]`, repository])
    : Object.entries(value).map(([name, repository]) => [`repositories.${name}`, repository])
  return entries.flatMap(([place, repository]) => readRepository(repository, place))
}

function readRepository(value: Json, place: string): SatisRepository[] {
  // `false`, or `{"packagist.org": false}`, turns a repository off.
  if (value === false || isSwitchedOff(value)) {
    return []
  }
  const repository = requireObject(value, `satis.json: ${place}`)
  const type = requireText(repository['type'], `satis.json: ${place}.type`).toLowerCase()
  if (type === 'package') {
    return readPackages(repository['package'] ?? null, place)
  }
  const url = requireText(repository['url'], `satis.json: ${place}.url`)
  const system = SYSTEMS[type]
  if (system === undefined) {
    return [
      {
        kind: 'other',
        place,
        type,
        url: withoutPassword(url),
        reason: REASONS[type] ?? `repositories of type "${type}" are not known`,
      },
    ]
  }
  return [{ kind: 'vcs', place, type, system, ...splitCredential(url) }]
}

function isSwitchedOff(value: Json): boolean {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return false
  }
  const [only, ...others] = Object.values(value)
  return only === false && others.length === 0
}

function requireText(value: Json | undefined, place: string): string {
  if (typeof value !== 'string' || value === '') {
    throw invalidInput(place, 'this must be a text')
  }
  return value
}

/** One package, or a list of its versions. */
function readPackages(value: Json, place: string): SatisRepository[] {
  const packages = Array.isArray(value) ? value : [value]
  return packages.map((one, index) => {
    const where = `satis.json: ${place}.package${Array.isArray(value) ? `[${index}]` : ''}`
    const definition = requireObject(one, where)
    const name = requireText(definition['name'], `${where}.name`).toLowerCase()
    return { kind: 'custom', place, type: 'package', name, definition: JSON.stringify([definition]) }
  })
}

/** The versions of one package are often repositories of their own; here they are one source. */
function mergePackages(repositories: readonly SatisRepository[]): SatisRepository[] {
  const merged: SatisRepository[] = []
  const byName = new Map<string, Extract<SatisRepository, { kind: 'custom' }>>()
  for (const repository of repositories) {
    const known = repository.kind === 'custom' ? byName.get(repository.name) : undefined
    if (repository.kind !== 'custom') {
      merged.push(repository)
    } else if (known === undefined) {
      const first = { ...repository }
      byName.set(first.name, first)
      merged.push(first)
    } else {
      known.definition = `${known.definition.slice(0, -1)},${repository.definition.slice(1)}`
    }
  }
  return merged
}

const WITH_USER = /^(https?:\/\/)([^/?#@]*)@/i

function splitCredential(text: string): { url: string; username: string | null; password: string | null } {
  const match = WITH_USER.exec(text)
  if (match === null) {
    return { url: text, username: null, password: null }
  }
  const [whole, scheme = '', user = ''] = match
  const url = `${scheme}${text.slice(whole.length)}`
  const at = user.indexOf(':')
  return at < 0
    ? { url, username: decode(user), password: null }
    : { url, username: decode(user.slice(0, at)), password: decode(user.slice(at + 1)) }
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The sections of `config` and auth.json that hold secrets, with the form in which git hosts take them. */
const SECTIONS: Readonly<Record<string, (value: Json) => Omit<SatisCredential, 'host'> | null>> = {
  'http-basic': toBasic,
  'github-oauth': (value) => toPassword(value, 'x-access-token'),
  'gitlab-oauth': (value) => toPassword(readToken(value), 'oauth2'),
  'gitlab-token': (value) => toPassword(readToken(value), 'oauth2'),
  bearer: (value) => (typeof value === 'string' ? { kind: 'bearer', username: '', secret: value } : null),
  'forgejo-token': toBasic,
}

function toBasic(value: Json): Omit<SatisCredential, 'host'> | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return null
  }
  const { username } = value
  const secret = value['password'] ?? value['token']
  return typeof username === 'string' && typeof secret === 'string' ? { kind: 'basic', username, secret } : null
}

function toPassword(value: Json, username: string): Omit<SatisCredential, 'host'> | null {
  return typeof value === 'string' ? { kind: 'basic', username, secret: value } : null
}

/** A text, or an object with the token and what it is for. */
function readToken(value: Json): Json {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value['token'] ?? null) : value
}

function readCredentials(config: JsonObject, { place, notes }: { place: string; notes: SatisNote[] }): SatisCredential[] {
  const credentials: SatisCredential[] = []
  for (const [section, toCredential] of Object.entries(SECTIONS)) {
    const hosts = config[section] === undefined ? {} : requireObject(config[section], `${place}: ${section}`)
    for (const [host, value] of Object.entries(hosts)) {
      const credential = toCredential(value)
      if (credential === null || credential.secret === '') {
        notes.push({ setting: `${section} of ${host}`, note: 'its form is not understood; store the credential with the source' })
      } else {
        credentials.push({ host: host.toLowerCase(), ...credential })
      }
    }
  }
  for (const section of ['bitbucket-oauth', 'custom-headers', 'client-certificate']) {
    if (config[section] !== undefined && Object.keys(requireObject(config[section], `${place}: ${section}`)).length > 0) {
      notes.push({ setting: section, note: 'not taken over; give these sources an access token instead' })
    }
  }
  return credentials
}
