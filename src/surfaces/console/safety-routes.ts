import { z } from 'zod'
import {
  BLOCK_LIST,
  blockPackage,
  listBlocked,
  listFilterFeeds,
  unblockPackage,
  type FilterEntry,
} from '../../core/advisories/index.ts'
import {
  addMessage,
  changeRepositoryOptions,
  getRepositoryOptions,
  listMessages,
  removeMessage,
  type RepositoryMessage,
} from '../../core/catalog/index.ts'
import type { RepositoryOptions } from '../../core/organizations/index.ts'
import type { Call, Route } from '../http/route.ts'
import { consoleRoute, done, json, presentInstant, readJson } from './console-route.ts'
import { enter, readPage } from './organization-routes.ts'

const Options = z.strictObject({
  archiveUrls: z.enum(['registry', 'upstream']).optional(),
  hiddenSources: z.enum(['never', 'mirrored', 'always']).optional(),
  blocksMalware: z.boolean().optional(),
  audits: z.boolean().optional(),
  auditNotices: z.boolean().optional(),
})
const Message = z.strictObject({
  kind: z.enum(['warning', 'info']).default('warning'),
  message: z.string(),
  versions: z.string().default('*'),
})
const Entry = z.strictObject({
  list: z.string().default(BLOCK_LIST),
  package: z.string(),
  versions: z.string().default('*'),
  reason: z.string().nullable().default(null),
  url: z.string().nullable().default(null),
})

/** How the repository of an organization presents itself: options, messages, and its own filter lists. */
export function safetyRoutes(): Route[] {
  const organization = '/app/api/organizations/:organization'
  return [
    consoleRoute('GET', `${organization}/repository-options`, showOptions),
    consoleRoute('PATCH', `${organization}/repository-options`, changeOptions),
    consoleRoute('GET', `${organization}/messages`, messages),
    consoleRoute('POST', `${organization}/messages`, createMessage),
    consoleRoute('DELETE', `${organization}/messages/:message`, dropMessage),
    consoleRoute('GET', `${organization}/filter-entries`, entries),
    consoleRoute('GET', `${organization}/filter-feeds`, feeds),
    consoleRoute('POST', `${organization}/filter-entries`, createEntry),
    consoleRoute('DELETE', `${organization}/filter-entries/:entry`, dropEntry),
  ]
}

async function showOptions(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  return json({ options: await getRepositoryOptions(call.ctx, organization) })
}

async function changeOptions(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const given = await readJson(call, Options)
  const options = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as Partial<RepositoryOptions>
  return json({ options: await changeRepositoryOptions(call.ctx, { organization, options }) })
}

async function messages(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  return json({ messages: (await listMessages(call.ctx, organization.id)).map(presentMessage) })
}

async function createMessage(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const message = await addMessage(call.ctx, { organization, ...(await readJson(call, Message)) })
  return json({ message: presentMessage(message) }, 201)
}

async function dropMessage(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await removeMessage(call.ctx, { organization, uid: call.params['message'] ?? '' })
  return done()
}

async function entries(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const input = { organization: organization.id, list: call.query.get('list'), page: readPage(call) }
  const { items, next } = await listBlocked(call.ctx, input)
  return json({ entries: items.map(presentEntry), next })
}

async function feeds(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const found = await listFilterFeeds(call.ctx, organization.id)
  return json({ feeds: found.map((feed) => ({ ...feed, fetchedAt: presentInstant(feed.fetchedAt) })) })
}

async function createEntry(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  const { package: name, ...rest } = await readJson(call, Entry)
  return json({ entry: presentEntry(await blockPackage(call.ctx, { organization, name, ...rest })) }, 201)
}

async function dropEntry(call: Call): Promise<Response> {
  const { organization } = await enter(call)
  await unblockPackage(call.ctx, { organization, uid: call.params['entry'] ?? '' })
  return done()
}

function presentMessage({ uid, kind, message, versions, createdAt }: RepositoryMessage) {
  return { id: uid, kind, message, versions, createdAt: presentInstant(createdAt) }
}

function presentEntry({ uid, list, packageName, affectedVersions, reason, url, createdAt }: FilterEntry) {
  return { id: uid, list, package: packageName, versions: affectedVersions, reason, url, createdAt: presentInstant(createdAt) }
}
