/** Feeds of new packages and releases (CO-144, contract composer.md §7.8), for whoever has a token as everywhere. */
import {
  getAudience,
  getVisiblePackage,
  listNewPackages,
  listReleases,
  type Audience,
  type FeedScope,
  type NewPackage,
  type Release,
} from '../../core/catalog/index.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Call } from '../http/route.ts'
import { presentAtom, presentRss, type FeedEntry } from './feed-xml.ts'
import { pathOf } from './repository-path.ts'

const EVERYTHING: FeedScope = { vendor: null, name: null, types: null }
const EXTENSIONS: FeedScope = { ...EVERYTHING, types: ['php-ext', 'php-ext-zend'] }

const FORMATS = {
  atom: { present: presentAtom, type: 'application/atom+xml; charset=utf-8' },
  rss: { present: presentRss, type: 'application/rss+xml; charset=utf-8' },
} as const

/** What a feed is called, and which entries it has. */
interface Chosen {
  title: string
  entries: FeedEntry[]
}

/** Any of the feeds, by its name: `packages.atom`, `releases.rss`, `vendor.acme.atom`, `package.acme/http.rss` and the like. */
export async function feed(call: Call): Promise<Response> {
  const { ctx, params, baseUrl } = call
  const path = pathOf(params)
  const audience = await getAudience(ctx, path)
  const [, name = '', format = ''] = /^(.+)\.(atom|rss)$/.exec(params['feed'] ?? '') ?? []
  const link = `${baseUrl}/${path}`
  const chosen = await choose(ctx, audience, { name, link })
  if (chosen === null) {
    throw new DomainError('package_not_found')
  }
  const { present, type } = format === 'rss' ? FORMATS.rss : FORMATS.atom
  const { title, entries } = chosen
  return respond(call, present({ title, self: `${link}/feeds/${name}.${format}`, link, entries }), type)
}

async function choose(ctx: Ctx, audience: Audience, { name, link }: { name: string; link: string }): Promise<Chosen | null> {
  const title = audience.organization.name
  const added = async (scope: FeedScope) => (await listNewPackages(ctx, audience, scope)).map((one) => toAdded(one, link))
  const released = async (scope: FeedScope) => (await listReleases(ctx, audience, scope)).map((one) => toReleased(one, link))
  switch (name) {
    case 'packages':
      return { title: `${title}: new packages`, entries: await added(EVERYTHING) }
    case 'releases':
      return { title: `${title}: releases`, entries: await released(EVERYTHING) }
    case 'extensions':
      return { title: `${title}: new extensions`, entries: await added(EXTENSIONS) }
    case 'extension-releases':
      return { title: `${title}: releases of extensions`, entries: await released(EXTENSIONS) }
    default:
  }
  const [, kind, subject = ''] = /^(vendor|package)\.(.+)$/.exec(name) ?? []
  if (kind === 'vendor' && !subject.includes('/')) {
    return { title: `${title}: releases of ${subject}`, entries: await released({ ...EVERYTHING, vendor: subject }) }
  }
  if (kind === 'package') {
    const target = await getVisiblePackage(ctx, audience, subject)
    return { title: `${title}: releases of ${target.name}`, entries: await released({ ...EVERYTHING, name: target.name }) }
  }
  return null
}

function toAdded({ name, description, addedAt }: NewPackage, link: string): FeedEntry {
  return { id: name, title: name, link: `${link}/packages/${name}.json`, summary: description, authors: [], at: addedAt }
}

function toReleased({ name, version, description, authors, releasedAt }: Release, link: string): FeedEntry {
  return {
    id: `${name} ${version}`,
    title: `${name} (${version})`,
    link: `${link}/packages/${name}.json`,
    summary: description,
    authors,
    at: releasedAt,
  }
}

/** Readers ask often for what seldom changes; a tag is enough for them, and says nothing to others. */
function respond({ request }: Call, body: string, type: string): Response {
  const etag = `"${new Bun.CryptoHasher('sha256').update(body).digest('hex').slice(0, 32)}"`
  const headers = { ETag: etag, 'Cache-Control': 'private, no-cache', Vary: 'Authorization' }
  const known = (request.headers.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(etag)) {
    return new Response(null, { status: 304, headers })
  }
  return new Response(body, { headers: { ...headers, 'Content-Type': type, 'X-Content-Type-Options': 'nosniff' } })
}
