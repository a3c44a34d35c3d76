import { authorize } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import { parseSourceUrl, type SourceUrl } from '../kernel/source-url.ts'
import type { OrganizationId } from '../kernel/values.ts'
import { addCustomSource } from './add-custom-source.ts'
import { addSource } from './add-source.ts'
import { requireFittingCredential, type CredentialInput } from './credentials.ts'
import { customUrl } from './custom-sources.sql.ts'
import { hasSource } from './import-satis.sql.ts'
import { readDefinition } from './read-definition.ts'
import type { Satis, SatisCredential, SatisRepository } from './read-satis.ts'

/** A satis.json to be taken over into an organization. */
export interface ImportSatis {
  organization: OrganizationId
  satis: Satis
  /** A private key for all repositories over ssh, or null. */
  sshKey: string | null
  /** `plan` decides everything and changes nothing. */
  mode: 'plan' | 'apply'
}

/** What became of one repository. `present`: it was a source before; `planned`: it would be added. */
export interface ImportedRepository {
  place: string
  type: string
  /** The URL without credentials, or the name of a package. */
  url: string
  outcome: 'added' | 'planned' | 'present' | 'skipped' | 'refused'
  /** Why it was skipped or refused; else what to know of it, or null. */
  note: string | null
  /** Which credential was stored with it, without its secret. */
  credential: CredentialInput['kind'] | null
}

/**
 * Adds each repository of a satis.json as a source, with the credential that belongs to its host. Each is a command of its own: one that is
 * refused does not hold up the others, and a second run adds only what is missing. Throws `forbidden`, `storage_unavailable`.
 */
export async function importSatis(ctx: Ctx, input: ImportSatis): Promise<ImportedRepository[]> {
  await authorize(ctx, 'source.add', input.organization)
  const seen = new Set<string>()
  const report: ImportedRepository[] = []
  for (const repository of input.satis.repositories) {
    report.push(await importRepository(ctx, input, { repository, seen }))
  }
  return report
}

interface Item {
  repository: SatisRepository
  /** The URLs of sources that this call added or would add. */
  seen: Set<string>
}

async function importRepository(ctx: Ctx, input: ImportSatis, { repository, seen }: Item): Promise<ImportedRepository> {
  const { place, type } = repository
  const url = repository.kind === 'custom' ? repository.name : repository.url
  const line: ImportedRepository = { place, type, url, outcome: 'skipped', note: null, credential: null }
  if (repository.kind === 'other') {
    return { ...line, note: repository.reason }
  }
  try {
    return repository.kind === 'custom'
      ? await importPackage(ctx, input, { line, repository, seen })
      : await importVcs(ctx, input, { line, repository, seen })
  } catch (error) {
    if (!(error instanceof DomainError) || error.kind === 'forbidden' || error.kind === 'unavailable') {
      throw error
    }
    return error.code === 'source_exists'
      ? { ...line, outcome: 'present', note: 'it is a source already' }
      : { ...line, outcome: 'refused', note: error.message }
  }
}

async function importVcs(
  ctx: Ctx,
  { organization, satis, sshKey, mode }: ImportSatis,
  { line, repository, seen }: Item & { line: ImportedRepository; repository: Extract<SatisRepository, { kind: 'vcs' }> },
): Promise<ImportedRepository> {
  if (/^\.{0,2}\/|^[a-z]:\\/i.test(repository.url)) {
    return { ...line, note: 'a folder on the machine of Satis; give its URL on a host' }
  }
  const url = parseSourceUrl(repository.url, repository.system, ctx.sourceUrls)
  const credential = chooseCredential(url, repository, { satis, sshKey })
  const known: ImportedRepository = {
    ...line,
    url: url.canonical,
    credential: credential?.kind ?? null,
    note: noteFor(url, credential),
  }
  if (seen.has(url.canonical) || (await hasSource(ctx.db, organization, url.canonical))) {
    return { ...known, outcome: 'present', note: 'it is a source already; its credential was not changed', credential: null }
  }
  seen.add(url.canonical)
  if (mode === 'plan') {
    if (credential !== null) {
      requireFittingCredential(credential, url.scheme)
    }
    return { ...known, outcome: 'planned' }
  }
  await addSource(ctx, { organization, url: repository.url, credential, vcs: url.vcs })
  return { ...known, outcome: 'added' }
}

async function importPackage(
  ctx: Ctx,
  { organization, mode }: ImportSatis,
  { line, repository, seen }: Item & { line: ImportedRepository; repository: Extract<SatisRepository, { kind: 'custom' }> },
): Promise<ImportedRepository> {
  const url = customUrl(repository.name)
  if (seen.has(url) || (await hasSource(ctx.db, organization, url))) {
    return { ...line, outcome: 'present', note: 'it is a source already; its definition was not changed' }
  }
  seen.add(url)
  if (mode === 'plan') {
    readDefinition(ctx, repository.definition)
    return { ...line, outcome: 'planned' }
  }
  const { notes } = await addCustomSource(ctx, { organization, definition: repository.definition, credential: null })
  return { ...line, outcome: 'added', note: notes[0] ?? null }
}

/** A secret goes to the host that it was given for and to no other; one in the URL is the most specific. */
function chooseCredential(
  url: SourceUrl,
  { username, password }: { username: string | null; password: string | null },
  { satis, sshKey }: Pick<ImportSatis, 'satis' | 'sshKey'>,
): CredentialInput | null {
  if (url.scheme === 'ssh') {
    return sshKey === null ? null : { kind: 'ssh_key', privateKey: sshKey }
  }
  if (username !== null && password !== null) {
    return { kind: 'basic', username, password }
  }
  const authority = url.origin.slice(url.origin.indexOf('://') + 3)
  const ofHost = satis.credentials.filter(({ host }) => host === authority || host === `${url.host}:${url.port}`)
  // Subversion and Mercurial sign in with a user name.
  const usable = url.vcs === 'git' ? ofHost : ofHost.filter(({ kind }) => kind === 'basic')
  const found = usable.find((one) => username === null || one.username === username) ?? null
  return found === null ? null : toInput(found)
}

function toInput({ kind, username, secret }: SatisCredential): CredentialInput {
  return kind === 'bearer' ? { kind, token: secret } : { kind, username, password: secret }
}

function noteFor({ scheme }: SourceUrl, credential: CredentialInput | null): string | null {
  return scheme === 'ssh' && credential === null ? 'Satis used the ssh keys of its machine; give one with --ssh-key-file' : null
}
