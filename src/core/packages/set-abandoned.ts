import { parsePackageName } from '../../composer/index.ts'
import { authorizeForPackage } from '../access/index.ts'
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, invalidInput } from '../kernel/errors.ts'
import { toSeconds, type OrganizationId } from '../kernel/values.ts'
import { findPackage, type Package } from './package-reading.sql.ts'
import { bumpPackage, lockPackage, updateAbandoned } from './publishing.sql.ts'

/** Whether a package is abandoned: false, true, or what is to be used instead, the name of a package or an http(s) address. */
export interface SetAbandoned {
  organization: OrganizationId
  name: string
  abandoned: boolean | string
}

const MAX_REPLACEMENT = 500

/**
 * Says whether a package is abandoned (CO-149). What a person said stays, whatever manifests say from then on (contract composer.md §7.7). Throws
 * `package_not_found` and `invalid_input`.
 */
export async function setAbandoned(ctx: Ctx, input: SetAbandoned): Promise<Package> {
  const { organization } = input
  const name = input.name.toLowerCase()
  await authorizeForPackage(ctx, 'package.abandon', { organization, name })
  const abandoned = typeof input.abandoned === 'string' ? parseReplacement(name, input.abandoned) : input.abandoned
  return ctx.transaction(async (tx) => {
    const target = await findPackage(tx.db, organization, name)
    if (target === null || !(await lockPackage(tx.db, target.id))) {
      throw new DomainError('package_not_found')
    }
    await bumpPackage(tx.db, target.id, toSeconds(tx.now))
    await updateAbandoned(tx.db, target.id, abandoned)
    const about = { organization, package: target.id, name: target.name }
    await tx.record(
      abandoned === false
        ? { type: 'package.reinstated', ...about }
        : { type: 'package.abandoned', ...about, replacement: abandoned === true ? null : abandoned },
    )
    return { ...target, abandoned, abandonedBy: 'person' }
  })
}

function parseReplacement(name: string, text: string): string {
  const replacement = text.trim()
  if (replacement.length > MAX_REPLACEMENT) {
    throw invalidInput('replacement', `give at most ${MAX_REPLACEMENT} characters`)
  }
  if (/^https?:\/\//.test(replacement)) {
    return parseAddress(replacement)
  }
  const successor = parsePackageName(replacement)
  if (successor === null) {
    throw invalidInput('replacement', 'give the name of a package or an http(s) address')
  }
  if (successor === name) {
    throw invalidInput('replacement', 'a package cannot replace itself')
  }
  return successor
}

function parseAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || url.username !== '' || url.password !== '') {
    throw invalidInput('replacement', 'give an http(s) address without credentials')
  }
  return url.href
}
