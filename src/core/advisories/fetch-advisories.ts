import type { Ctx } from '../kernel/ctx.ts'
import { DomainError } from '../kernel/errors.ts'
import type { HttpAnswer } from '../kernel/ports.ts'
import { toSeconds, type Instant } from '../kernel/values.ts'
import { askUpstream, type UpstreamHost, type UpstreamRequest } from '../mirrors/index.ts'
import type { AdvisoryFeed } from './feeds.sql.ts'
import { readAdvisories, type ReadAdvisory, type SkippedAdvisory } from './read-advisories.ts'

const MiB = 1024 * 1024
const DAY = 24 * 60 * 60 * 1000
/** The whole of packagist.org is about 10 MB. */
const MAX_BYTES = 96 * MiB
const STALL = 30_000
const DURATION = 5 * 60_000
/** How often all is asked for again, because what is withdrawn is not told as a change. */
const FULL_EVERY = 7 * DAY
/** Clocks differ; what is told twice makes no difference. */
const OVERLAP = 5 * 60_000
/** Names that one request to an upstream's API asks for. */
const NAMES_PER_REQUEST = 500

/** What a feed told. `updatedSince`: where the next look begins, in Unix seconds. */
export interface FetchedAdvisories {
  advisories: ReadAdvisory[]
  skipped: SkippedAdvisory[]
  isFull: boolean
  updatedSince: number | null
}

/**
 * Asks an advisories API what changed since the last look, and once a week for all that there is (contract pricore.md §11). Throws
 * `upstream_failed` for an answer that cannot be used as a whole, and what `requestUpstream` throws.
 */
export async function fetchUpdates(ctx: Ctx, feed: AdvisoryFeed): Promise<FetchedAdvisories> {
  const startedAt = ctx.clock.now()
  const isFull = feed.updatedSince === null || feed.fullAt === null || feed.fullAt + FULL_EVERY <= startedAt
  const url = new URL(feed.url)
  url.searchParams.set('updatedSince', isFull ? '0' : String(feed.updatedSince))
  const told = await ask(ctx, null, { url: url.href, maxBytes: MAX_BYTES, stall: STALL, duration: DURATION })
  return { ...told, isFull, updatedSince: toSeconds(startedAt - OVERLAP) }
}

/**
 * Asks the API of a mirrored repository for the advisories about packages that come from there; what it says about others is not taken.
 * Throws as `fetchUpdates`.
 */
export async function fetchForNames(
  ctx: Ctx,
  { mirror, url, names }: { mirror: UpstreamHost; url: string; names: readonly string[] },
): Promise<FetchedAdvisories> {
  const all: FetchedAdvisories = { advisories: [], skipped: [], isFull: true, updatedSince: null }
  for (let start = 0; start < names.length; start += NAMES_PER_REQUEST) {
    const asked = new Set(names.slice(start, start + NAMES_PER_REQUEST))
    const form = new URLSearchParams(Object.fromEntries([...asked].map((name, index) => [`packages[${index}]`, name])))
    const told = await ask(ctx, mirror, {
      url,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new TextEncoder().encode(form.toString()),
      maxBytes: MAX_BYTES,
    })
    all.advisories.push(...told.advisories.filter(({ packageName }) => asked.has(packageName)))
    all.skipped.push(...told.skipped)
  }
  return all
}

async function ask(ctx: Ctx, mirror: UpstreamHost | null, wanted: UpstreamRequest) {
  const { host } = new URL(wanted.url)
  const request = { ...wanted, headers: { accept: 'application/json', ...wanted.headers }, decodes: true }
  const body = await askUpstream(ctx, mirror, { request, read: (answer) => readWhole(host, answer) })
  const read = readAdvisories(parseJson(host, body), host)
  if (read.kind === 'unusable') {
    throw new DomainError('upstream_failed', { problem: `${host} answered something else than advisories: ${read.problem}` })
  }
  return read
}

async function readWhole(host: string, { status, body }: HttpAnswer): Promise<string> {
  if (status !== 200) {
    await body.return()
    throw new DomainError('upstream_failed', { problem: `${host} answered ${status} to a question for advisories` })
  }
  return Buffer.concat(await Array.fromAsync(body)).toString('utf8')
}

function parseJson(host: string, body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new DomainError('upstream_failed', { problem: `${host} answered something else than advisories: it is not JSON` })
  }
}

/** When a feed is asked next: every four hours (PR-801), after failures in a row sooner, later each time. */
export function planNextFetch(now: Instant, failures: number): Instant {
  const REGULAR = 4 * 60 * 60_000
  return now + (failures === 0 ? REGULAR : Math.min(5 * 60_000 * 2 ** (failures - 1), REGULAR))
}
