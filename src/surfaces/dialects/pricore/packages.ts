import { z } from 'zod'
import { browsePackages, getPackageForPeople, type ListedForPeople } from '../../../core/catalog/index.ts'
import type { BrowsedPackage } from '../../../core/packages/index.ts'
import { findSource } from '../../../core/sources/index.ts'
import type { Call } from '../../http/route.ts'
import { enter } from './entering.ts'
import { answer } from './errors.ts'
import { presentPlace, RepositoryPlace } from './repositories.ts'
import { presentTime, Time } from './times.ts'

const DEFAULT_PER_PAGE = 20
const MAX_PER_PAGE = 100
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const Facts = z.object({ id: z.uuid(), name: z.string(), description: z.string().nullable(), type: z.string().nullable() })

/** A package in a list. */
export const PackageItem = Facts.extend({ latest_version: z.string().nullable(), created_at: Time })

/** What a list says about itself. */
export const Meta = z.object({ current_page: z.int(), last_page: z.int(), per_page: z.int(), total: z.int() })

/** A package by itself. */
export const PackageObject = Facts.extend({
  repository: RepositoryPlace.nullable(),
  versions: z.array(z.object({ version: z.string(), normalized_version: z.string(), released_at: Time.nullable() })),
  created_at: Time,
})

/** 6.3: the packages of an organization that the token sees, by name. */
export async function list(call: Call): Promise<Response> {
  const organization = await enter(call, 'package.list')
  const { query } = call
  const page = readNumber(query.get('page'), 1)
  const perPage = Math.min(readNumber(query.get('per_page'), DEFAULT_PER_PAGE), MAX_PER_PAGE)
  const search = (query.get('search') ?? '').trim().slice(0, 300)
  const { items, total } = await browsePackages(call.ctx, { organization, search, page, perPage })
  const meta = { current_page: page, last_page: Math.max(1, Math.ceil(total / perPage)), per_page: perPage, total }
  return answer(200, { data: items.map(presentItem), meta })
}

/** Numbers below one and texts that are no number mean the default. */
function readNumber(text: string | null, fallback: number): number {
  return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : fallback
}

/** 6.4: one package, by its id or its name. */
export async function show(call: Call): Promise<Response> {
  const organization = await enter(call, 'package.read')
  const text = call.params['package'] ?? ''
  const wanted = UUID.test(text) ? { uid: text } : { name: text }
  const found = await getPackageForPeople(call.ctx, { organization, wanted })
  const source = await findSource(call.ctx.db, found.package.source)
  return answer(200, {
    data: {
      ...presentFacts(found.package),
      repository: source?.kind === 'vcs' ? presentPlace(source) : null,
      versions: found.versions.map(({ version, normalized, time }) => ({
        version,
        normalized_version: normalized,
        released_at: time === null ? null : presentTime(Date.parse(time)),
      })),
      created_at: presentTime(found.package.createdAt),
    },
  })
}

function presentFacts({ uid, name, description, type }: BrowsedPackage): z.output<typeof Facts> {
  return { id: uid, name, description: description === '' ? null : description, type }
}

function presentItem(item: ListedForPeople): z.output<typeof PackageItem> {
  return { ...presentFacts(item), latest_version: item.latestVersion, created_at: presentTime(item.createdAt) }
}
