/**
 * The hook APIs of Git hosts (contract pricore.md §8; Gitea and Forgejo are ours). Pure: where a repository's hooks are managed, and what is
 * to be sent there. A credential is only ever sent to the host of its repository, or for the three public hosts to the API of the same company.
 */
import type { GitCredential } from '../kernel/ports.ts'
import { parseSourceUrl } from '../kernel/source-url.ts'
import type { HookRegistrationsTable } from '../kernel/schema.ts'

/** A kind of Git host whose hooks the registry can manage; Forgejo is one of `gitea`. */
export type HookProvider = HookRegistrationsTable['provider']

/** All of them. */
export const HOOK_HOSTS: readonly HookProvider[] = ['github', 'gitlab', 'bitbucket', 'gitea']

/** Where the hooks of a repository are managed. */
export interface HookPlace {
  provider: HookProvider
  /** Base address of the API, without a slash at its end. */
  apiUrl: string
  project: string
}

const PUBLIC_HOSTS: Readonly<Record<string, Omit<HookPlace, 'project'>>> = {
  'https://github.com': { provider: 'github', apiUrl: 'https://api.github.com' },
  'https://gitlab.com': { provider: 'gitlab', apiUrl: 'https://gitlab.com/api/v4' },
  'https://bitbucket.org': { provider: 'bitbucket', apiUrl: 'https://api.bitbucket.org/2.0' },
  'https://codeberg.org': { provider: 'gitea', apiUrl: 'https://codeberg.org/api/v1' },
}

/** Where each kind of host has its API when somebody runs it. Bitbucket Data Center has another one, which is not spoken. */
const API_PATHS: Readonly<Record<HookProvider, string | null>> = {
  github: '/api/v3',
  gitlab: '/api/v4',
  bitbucket: null,
  gitea: '/api/v1',
}

/** The place of a git repository with that URL: of a public host by its name, else on its own host of the kind that is named. Null if unknown. */
export function findHookPlace(sourceUrl: string, named: HookProvider | null): HookPlace | null {
  const url = parseSourceUrl(sourceUrl, 'git', { allowFile: true, allowHttp: true })
  if (url.scheme !== 'https' && url.scheme !== 'http') {
    return null
  }
  const project = url.path
    .replace(/^\/+/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
  const known = PUBLIC_HOSTS[url.origin]
  if (known !== undefined) {
    return named === null || named === known.provider ? { ...known, project } : null
  }
  const path = named === null ? null : API_PATHS[named]
  return named === null || path === null ? null : { provider: named, apiUrl: `${url.origin}${path}`, project }
}

/** One call of a host's API. */
export interface HookCall {
  url: string
  method: 'POST' | 'DELETE'
  body: Record<string, unknown> | null
}

/** The call that makes a hook with this address and secret; its answer is read by `readHookId`. */
export function createHookCall(place: HookPlace, { url, secret }: { url: string; secret: string }): HookCall {
  return { url: hooksUrl(place), method: 'POST', body: hookBody(place.provider, url, secret) }
}

/** The call that deletes a hook. */
export function deleteHookCall(place: HookPlace, remoteId: string): HookCall {
  return { url: `${hooksUrl(place)}/${encodeURIComponent(remoteId)}`, method: 'DELETE', body: null }
}

function hooksUrl({ provider, apiUrl, project }: HookPlace): string {
  const path = project.split('/').map(encodeURIComponent).join('/')
  switch (provider) {
    case 'gitlab':
      return `${apiUrl}/projects/${encodeURIComponent(project)}/hooks`
    case 'bitbucket':
      return `${apiUrl}/repositories/${path}/hooks`
    case 'github':
    case 'gitea':
      return `${apiUrl}/repos/${path}/hooks`
  }
}

function hookBody(provider: HookProvider, url: string, secret: string): Record<string, unknown> {
  switch (provider) {
    case 'github': {
      const config = { url, content_type: 'json', secret, insecure_ssl: '0' }
      return { name: 'web', active: true, events: ['push', 'release', 'delete'], config }
    }
    case 'gitlab':
      return { url, push_events: true, tag_push_events: true, token: secret, enable_ssl_verification: true }
    case 'bitbucket':
      return { description: 'Repertoire', url, active: true, events: ['repo:push'], secret }
    case 'gitea': {
      const config = { url, content_type: 'json', secret }
      return { type: 'gitea', active: true, events: ['push', 'create', 'delete', 'release'], config }
    }
  }
}

/** The id of a hook in the answer that it was made with, or null when there is none. */
export function readHookId(provider: HookProvider, answer: string): string | null {
  try {
    const parsed = JSON.parse(answer) as { id?: unknown; uuid?: unknown } | null
    const id = provider === 'bitbucket' ? parsed?.uuid : parsed?.id
    return typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, 200) : null
  } catch {
    return null
  }
}

/** The `Authorization` by which a host's API knows the owner of a credential, or null for a key, which only ssh takes. */
export function toApiAuthorization(provider: HookProvider, credential: GitCredential): string | null {
  if (credential.kind === 'ssh_key') {
    return null
  }
  if (credential.kind === 'basic' && (provider === 'bitbucket' || provider === 'gitea')) {
    return `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString('base64')}`
  }
  const token = credential.kind === 'basic' ? credential.password : credential.token
  return `${provider === 'gitea' ? 'token' : 'Bearer'} ${token}`
}
