/** Install notifications, in the words of both forms of a repository. */
import { z } from 'zod'
import { findVisiblePackages, type Audience } from '../../core/catalog/index.ts'
import { invalidInput } from '../../core/kernel/errors.ts'
import { countInstalls, toUsageAudience, type ReportedInstall, type UsageBuffer } from '../../core/statistics/index.ts'
import { readBody } from '../http/request-body.ts'
import { privateJson, type Call } from '../http/route.ts'
import { plainJson } from './refusal.ts'
import type { RepositoryAddress } from './repository-path.ts'
import { getRepositoryAudience } from './resolve-answer.ts'

const NOTIFY_BYTES = 1024 * 1024
const MAX_INSTALLS = 5_000

/** Entries of another shape are left out one by one: a report is never refused for a part of it. */
const Notification = z.object({ downloads: z.array(z.unknown()) })
const Install = z.object({
  name: z
    .string()
    .max(300)
    .regex(/^[\w.\-/]+$/),
  version: z.string().max(300),
})
type Install = z.output<typeof Install>

/**
 * Counts what a client reports of packages that it may see. Whatever cannot be counted is ignored: clients do not read the
 * answer (contract composer.md §7.5, abuse 50).
 */
export async function notify(call: Call, address: RepositoryAddress, usage: UsageBuffer): Promise<Response> {
  const audience = await getRepositoryAudience(call.ctx, address)
  const body = parseJson(await readBody(call.request, { limit: NOTIFY_BYTES, signal: call.signal }))
  const parsed = Notification.safeParse(body)
  if (!parsed.success) {
    throw invalidInput('downloads', 'give a JSON object with a list "downloads"')
  }
  const reported = toInstalls(parsed.data.downloads)
  const counted = await count(call, audience, { reported, usage })
  return counted === reported.length
    ? privateJson({ status: 'success' }, 201)
    : privateJson({ status: 'partial', message: `${counted} of ${reported.length} installs were counted.` })
}

/**
 * The report of one install as the first releases of Composer sent it, a form with the version beside the name in the address (CO-140). Answered as
 * `notify`.
 */
export async function notifyLegacy(call: Call, address: RepositoryAddress, usage: UsageBuffer): Promise<Response> {
  const audience = await getRepositoryAudience(call.ctx, address)
  const body = await readBody(call.request, { limit: NOTIFY_BYTES, signal: call.signal })
  const form = new URLSearchParams(new TextDecoder().decode(body))
  const version = form.get('version_normalized') ?? form.get('version')
  if (version === null) {
    throw invalidInput('version', 'give the version that was installed')
  }
  const reported = toInstalls([{ name: `${call.params['vendor']}/${call.params['name']}`, version }])
  return (await count(call, audience, { reported, usage })) === 1
    ? privateJson({ status: 'success' }, 201)
    : privateJson({ status: 'partial', message: 'The install was not counted.' })
}

/** As `notify`, answered and refused as Pricore does (PR-119, PR-204). */
export async function notifyDocumented(call: Call, address: RepositoryAddress, usage: UsageBuffer): Promise<Response> {
  const audience = await getRepositoryAudience(call.ctx, address)
  const body = parseJson(await readBody(call.request, { limit: NOTIFY_BYTES, signal: call.signal }))
  if (body === undefined) {
    return plainJson(400, { message: 'The body is no JSON.' })
  }
  const downloads = isRecord(body) ? body['downloads'] : undefined
  const problems = findProblems(downloads)
  const [first, ...others] = problems
  if (first !== undefined) {
    const more = others.length === 0 ? '' : ` (and ${others.length} more error${others.length === 1 ? '' : 's'})`
    const errors = Object.fromEntries(problems.map(([field, text]) => [field, [text]]))
    return plainJson(422, { message: `${first[1]}${more}`, errors })
  }
  await count(call, audience, { reported: toInstalls(downloads as unknown[]), usage })
  return new Response(null, { status: 204, headers: { 'Cache-Control': 'private, no-store', Vary: 'Authorization' } })
}

/** The fields that are not as they should be, with what is wrong (contract pricore.md §3.1). */
function findProblems(downloads: unknown): [field: string, text: string][] {
  if (downloads === undefined || downloads === null || (Array.isArray(downloads) && downloads.length === 0)) {
    return [['downloads', 'The downloads field is required.']]
  }
  if (!Array.isArray(downloads)) {
    return [['downloads', 'The downloads field must be an array.']]
  }
  return downloads.slice(0, MAX_INSTALLS).flatMap((entry: unknown, index) =>
    ['name', 'version'].flatMap((key): [string, string][] => {
      const field = `downloads.${index}.${key}`
      const value = isRecord(entry) ? entry[key] : undefined
      if (value === undefined || value === null || value === '') {
        return [[field, `The ${field} field is required.`]]
      }
      return typeof value === 'string' ? [] : [[field, `The ${field} field must be a string.`]]
    }),
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function count(
  { ctx }: Call,
  audience: Audience,
  { reported, usage }: { reported: readonly Install[]; usage: UsageBuffer },
): Promise<number> {
  const packages = await findVisiblePackages(
    ctx,
    audience,
    reported.map(({ name }) => name.toLowerCase()),
  )
  const installs: ReportedInstall[] = []
  for (const { name, version } of reported) {
    const target = packages.get(name.toLowerCase())
    if (target === undefined) {
      usage.countUnknown({ organization: audience.organization.id, name: name.toLowerCase(), at: ctx.now })
    } else {
      installs.push({ package: target, version })
    }
  }
  return countInstalls(ctx.db, usage, { installs, audience: toUsageAudience(ctx.actor), at: ctx.now })
}

/** Of each package the first that is reported. */
function toInstalls(downloads: readonly unknown[]): Install[] {
  const seen = new Set<string>()
  const installs: Install[] = []
  for (const entry of downloads.slice(0, MAX_INSTALLS)) {
    const install = Install.safeParse(entry)
    if (install.success && !seen.has(install.data.name)) {
      seen.add(install.data.name)
      installs.push(install.data)
    }
  }
  return installs
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
}
