/**
 * Packages that nobody added: a client asks for a name that the organization does not have, and the mirrors whose packages are added on use are asked.
 * One request per name and upstream, however many clients ask in however many processes (abuse case 32). A failure is never taken for "there
 * is none", and never lets a mirror further down the list step in: what is installed must not depend on which host is down.
 */
import type { Ctx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { Instant, OrganizationId, SourceId } from '../kernel/values.ts'
import { findPackage, type Package } from '../packages/index.ts'
import { ABSENCE_LASTS, isFreshAbsence, knownAbsentUntil, rememberAbsence } from './absences.ts'
import { allowsName, isPackageName, mayHave } from './mirror-rules.ts'
import { selectAbsences } from './mirrored-packages.sql.ts'
import type { Mirror } from './mirror.ts'
import { selectMirrors } from './mirrors.sql.ts'
import { findReservation } from './protect-names.ts'
import { readRoot } from './read-root.ts'
import type { PackageAnswer } from './record-mirrored-package.ts'
import { recordTogether } from './record-together.ts'
import { enqueueFetch, enqueueRefresh } from './refresh-jobs.ts'
import { fetchPackage, withLease } from './upstream/index.ts'

/** Bytes of a file that are read where the client waits; larger ones are read by a job. */
const SMALL_DOCUMENT = 8 * 1024 * 1024
/** How long a client waits for a job or another process. */
const PATIENCE = 40_000

/** What of an organization's mirrors is asked, and for what. */
export interface ObtainPackage {
  organization: OrganizationId
  /** In lower case. */
  name: string
  /** Only mirrors whose packages every member may see: those without a credential. */
  onlyOpen: boolean
}

/**
 * The package of a name that the organization does not have, added from the mirror of highest priority that has it, or null when none has
 * it or that mirror's packages are added by hand. Who may cause that is asked before. Throws `package_reserved` for a name that is never asked of any upstream, `upstream_failed` and
 * `upstream_paused` when one that comes first does not answer, and `package_not_found` while all said lately that they do not have it, with the moment
 * `until` when one of them is asked again.
 */
export async function obtainMirroredPackage(ctx: Ctx, wanted: ObtainPackage): Promise<Package | null> {
  const { organization, name } = wanted
  if (!isPackageName(name)) {
    return null
  }
  const mirrors = (await selectMirrors(ctx.db, organization)).filter((mirror) => isAsked(mirror, wanted))
  if (!mirrors.some(({ behavior }) => behavior === 'add_on_use')) {
    return null
  }
  const pattern = await findReservation(ctx.db, organization, name)
  if (pattern !== null) {
    throw new DomainError('package_reserved', { name, pattern })
  }
  const known = mirrors.map(({ id }) => knownAbsentUntil(ctx, id, name)).filter((until) => until !== null)
  if (known.length === mirrors.length) {
    throw new DomainError('package_not_found', { until: Math.min(...known) })
  }
  const key = `package:${organization}:${wanted.onlyOpen ? 'open' : 'all'}:${name}`
  // What is looked at last before the work begins.
  let absences: Absences = new Map()
  const obtained = await withLease<{ target: Package | null }>(ctx, key, {
    work: async () => ({ target: await askMirrors(ctx, { wanted, mirrors, absences }) }),
    isDone: async () => {
      const found = await findPackage(ctx.db, organization, name)
      absences = found === null ? await selectAbsences(ctx.db, idsOf(mirrors), name) : absences
      return found !== null || areAbsent(ctx, { mirrors, name, absences }) ? { target: found } : null
    },
    patience: PATIENCE,
  })
  return obtained.target
}

function isAsked(mirror: Mirror, { name, onlyOpen }: ObtainPackage): boolean {
  return mirror.behavior !== 'disabled' && allowsName(mirror, name) && !(onlyOpen && mirror.credential !== null)
}

/** When upstreams said the last time that they do not have a name. */
type Absences = ReadonlyMap<SourceId, Instant>

/** Whether all upstreams said so lately, be it to another process, that they do not have a name that none is asked again. */
function areAbsent(
  ctx: Ctx,
  { mirrors, name, absences }: { mirrors: readonly Mirror[]; name: string; absences: Absences },
): boolean {
  return mirrors.every(({ id }) => isAbsent(ctx, { mirror: id, name, seenAt: absences.get(id) }))
}

function idsOf(mirrors: readonly Mirror[]): SourceId[] {
  return mirrors.map(({ id }) => id)
}

/** Whether an upstream said so lately that it does not have a name that it is not asked again. */
function isAbsent(ctx: Ctx, { mirror, name, seenAt }: { mirror: SourceId; name: string; seenAt: Instant | undefined }): boolean {
  return knownAbsentUntil(ctx, mirror, name) !== null || isFreshAbsence(ctx, seenAt)
}

interface Asking {
  wanted: ObtainPackage
  mirrors: readonly Mirror[]
  absences: Absences
}

type Said =
  | { kind: 'absent' }
  | { kind: 'package'; answer: PackageAnswer }
  | { kind: 'large' }
  | { kind: 'failed'; error: DomainError }

async function askMirrors(ctx: Ctx, asking: Asking): Promise<Package | null> {
  const { wanted, mirrors, absences } = asking
  const { name } = wanted
  const said = await Promise.all(mirrors.map((mirror) => askMirror(ctx, mirror, { name, seenAt: absences.get(mirror.id) })))
  for (const [index, mirror] of mirrors.entries()) {
    const one = said[index]
    if (one === undefined || one.kind === 'absent') {
      continue
    }
    if (one.kind === 'failed') {
      throw one.error
    }
    return mirror.behavior === 'add_on_use' ? add(ctx, mirror, { name, said: one }) : null
  }
  return null
}

async function askMirror(
  ctx: Ctx,
  mirror: Mirror,
  { name, seenAt }: { name: string; seenAt: Instant | undefined },
): Promise<Said> {
  if (isAbsent(ctx, { mirror: mirror.id, name, seenAt })) {
    return { kind: 'absent' }
  }
  try {
    return await ask(ctx, mirror, { name, seenAt })
  } catch (error) {
    if (isDomainError(error, 'source_too_large')) {
      return { kind: 'large' }
    }
    if (!isDomainError(error) || !(error.kind === 'upstream' || error.kind === 'unavailable' || error.kind === 'forbidden')) {
      throw error
    }
    // The last good answer was that there is none; it holds until there is another.
    return seenAt === undefined ? { kind: 'failed', error } : { kind: 'absent' }
  }
}

async function ask(ctx: Ctx, mirror: Mirror, { name, seenAt }: { name: string; seenAt: Instant | undefined }): Promise<Said> {
  const read = mirror.root === null ? await awaitFirstRead(ctx, mirror) : mirror
  const current = mayHave(read, name) ? read : await rereadRoot(ctx, read)
  const answer = mayHave(current, name)
    ? await fetchPackage(ctx, current, { name, known: null, maxBytes: SMALL_DOCUMENT })
    : ({ kind: 'absent' } as const)
  if (answer.kind === 'package' && answer.versions.length > 0) {
    return { kind: 'package', answer }
  }
  await rememberAbsence(ctx, { mirror, name }, seenAt)
  return { kind: 'absent' }
}

/** A mirror that was added just now is read by the job that its addition enqueued. */
async function awaitFirstRead(ctx: Ctx, mirror: Mirror): Promise<Mirror> {
  if (mirror.failingSince !== null) {
    throw new DomainError('upstream_failed', { problem: mirror.problem ?? 'its root file could not be read' })
  }
  const job = await ctx.transaction(async (tx) => {
    await tx.record({ type: 'mirror.refresh-requested', organization: mirror.organization, source: mirror.id })
    return enqueueRefresh(tx, mirror, 'interactive')
  })
  await ctx.jobs.wait(job, PATIENCE)
  const current = (await selectMirrors(ctx.db, mirror.organization)).find(({ id }) => id === mirror.id)
  if (current === undefined || current.root === null) {
    throw new DomainError('upstream_failed', { problem: current?.problem ?? 'its root file was not read yet' })
  }
  return current
}

/** The upstream may have got the package since its root file was read. */
async function rereadRoot(ctx: Ctx, mirror: Mirror): Promise<Mirror> {
  const isRecent = mirror.rootCheckedAt !== null && mirror.rootCheckedAt + ABSENCE_LASTS > ctx.clock.now()
  return isRecent ? mirror : ctx.upstreams.once(`root ${mirror.id}`, async () => (await readRoot(ctx, mirror)).mirror)
}

async function add(
  ctx: Ctx,
  mirror: Mirror,
  { name, said }: { name: string; said: Exclude<Said, { kind: 'absent' | 'failed' }> },
): Promise<Package | null> {
  if (said.kind === 'package') {
    const recorded = await recordTogether(ctx, { mirror, name, answer: said.answer })
    if (recorded !== null) {
      return recorded.target
    }
  } else {
    const job = await ctx.transaction(async (tx) => {
      const { organization, id: source } = mirror
      await tx.record({ type: 'mirror.packages-requested', organization, source, names: [name] })
      return enqueueFetch(tx, mirror, { name, lane: 'interactive' })
    })
    const outcome = await ctx.jobs.wait(job, PATIENCE)
    if (outcome.kind !== 'succeeded') {
      throw new DomainError('upstream_failed', { problem: `what ${mirror.name} says about ${name} could not be read in time` })
    }
  }
  // Somebody else may have been faster, with a private package even; whoever has the name now has it.
  return findPackage(ctx.db, mirror.organization, name)
}
