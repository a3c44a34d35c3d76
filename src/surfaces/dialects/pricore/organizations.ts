import { z } from 'zod'
import { listOrganizations } from '../../../core/access/index.ts'
import { MAX_PAGE } from '../../../core/kernel/paging.ts'
import type { Organization } from '../../../core/organizations/index.ts'
import type { Call } from '../../http/route.ts'
import { enter, requireToken } from './entering.ts'
import { answer } from './errors.ts'
import { presentTime, Time } from './times.ts'

/** An organization in a list. */
export const OrganizationItem = z.object({ id: z.uuid(), name: z.string(), slug: z.string(), created_at: Time })

/** An organization by itself. */
export const OrganizationObject = OrganizationItem.extend({ description: z.string().nullable() })

/** 6.1: the organizations that the token reaches, by name. */
export async function list(call: Call): Promise<Response> {
  const ctx = requireToken(call)
  const found: Organization[] = []
  let after: number | null = null
  do {
    const page: Awaited<ReturnType<typeof listOrganizations>> = await listOrganizations(ctx, { limit: MAX_PAGE, after })
    found.push(...page.items)
    after = page.next
  } while (after !== null)
  const top = found.filter(({ parent }) => parent === null).toSorted((a, b) => compareText(a.name, b.name))
  return answer(200, { data: top.map(presentItem) })
}

/** 6.2: one organization. */
export async function show(call: Call): Promise<Response> {
  const organization = await enter(call, 'organization.read')
  const { id, name, slug, created_at } = presentItem(organization)
  return answer(200, { data: { id, name, slug, description: organization.description, created_at } })
}

function presentItem(organization: Organization): z.output<typeof OrganizationItem> {
  const { uid, name, slug, createdAt } = organization
  return { id: uid, name, slug, created_at: presentTime(createdAt) }
}

/** Orders texts as people read them, the same on every machine. */
export function compareText(a: string, b: string): number {
  return a.localeCompare(b, 'en')
}
