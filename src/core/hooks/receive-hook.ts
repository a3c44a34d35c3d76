/**
 * Deliveries from outside, from whoever knows an address. The order is that of growing cost, so that what is not ours costs little: look up
 * the source and its hook, count the sender, check what can be checked without the body, hash the body as it arrives, and only then
 * write: one transaction with the receipt, the event, and the sync if one is asked for. Several syncs for one source are
 * one job; one that is asked for while another runs waits for it, so no push is lost (PR-507). The body is never parsed: a
 * sync compares all refs anyway.
 */
import type { Ctx, Tx } from '../kernel/ctx.ts'
import { DomainError, isDomainError } from '../kernel/errors.ts'
import type { JobId } from '../kernel/values.ts'
import { enqueueSync, findSourceAnywhere, lockForDelivery, type Source } from '../sources/index.ts'
import { findFaultBeforeBody, readSignedBody, type BodyReader, type Proof, type ProofFault } from './check-proof.ts'
import type { HookGate } from './hook-gate.ts'
import { openHookSecrets } from './hook-secret.ts'
import { findHookRow } from './hooks.sql.ts'
import { insertReceipt, setReceiptJob, type NewReceipt } from './receipts.sql.ts'

/** A delivery as its surface understood it. */
export interface Delivery {
  /** Uid of the source. */
  source: string
  /** Who sends such deliveries; kept with the receipt. */
  provider: string
  proof: Proof
  /** The event as its sender calls it, and what it is about: branches and tags, a trial, or something else. */
  event: string | null
  about: 'refs' | 'ping' | 'other'
  /** The sender's id of this delivery; the same again when it is repeated. */
  delivery: string | null
  /** Who sends it, as far as that is known: deliveries are counted per sender. */
  sender: string
  body: BodyReader
}

/** What became of a delivery that proved itself. */
export type Received =
  | { kind: 'requested'; job: JobId }
  /** It had its effect when it arrived for the first time. */
  | { kind: 'duplicate' }
  | { kind: 'ping' }
  | { kind: 'ignored' }

/**
 * Takes a delivery to the hook of a source. Needs no actor: the proof is the right. Throws `source_not_found`, `hook_not_found`,
 * `request_limited` (detail `seconds`), `hook_refused` (detail `reason`), and what reading the body throws.
 */
export async function receiveHook(ctx: Ctx, gate: HookGate, delivery: Delivery): Promise<Received> {
  const source = await findSourceAnywhere(ctx.db, delivery.source)
  if (source === null) {
    throw new DomainError('source_not_found')
  }
  const hook = await findHookRow(ctx.db, source.id)
  if (hook === null) {
    throw new DomainError('hook_not_found')
  }
  const sender = `${source.id} ${delivery.sender}`
  const seconds = gate.admit(sender, ctx.now)
  if (seconds !== null) {
    throw new DomainError('request_limited', { seconds })
  }
  const checked = await checkProof(ctx, delivery, openHookSecrets(ctx, hook))
  if (checked.refusal === null) {
    return accept(ctx, source, { ...delivery, sha256: checked.sha256 })
  }
  gate.refuse(sender, ctx.now)
  await writeRefusal(ctx, source, { ...delivery, ...checked, refusal: checked.refusal })
  throw checked.refusal
}

interface Checked {
  sha256: string | null
  refusal: DomainError | null
}

async function checkProof(ctx: Ctx, { proof, body }: Delivery, secrets: readonly string[]): Promise<Checked> {
  const early = findFaultBeforeBody(proof, secrets, ctx.now)
  if (early !== null) {
    return { sha256: null, refusal: toRefusal(early) }
  }
  try {
    const { sha256, fault } = await readSignedBody(body, proof, secrets)
    return { sha256, refusal: fault === null ? null : toRefusal(fault) }
  } catch (error) {
    if (isDomainError(error, 'body_too_large')) {
      return { sha256: null, refusal: error }
    }
    throw error
  }
}

function toRefusal(reason: ProofFault): DomainError {
  return new DomainError('hook_refused', { reason })
}

/** Refusals are written too, so that whoever sets a hook up sees what is wrong; the gate bounds how many. */
async function writeRefusal(
  ctx: Ctx,
  source: Source,
  delivery: Delivery & { sha256: string | null; refusal: DomainError },
): Promise<void> {
  const reason = String(delivery.refusal.details['reason'] ?? delivery.refusal.code)
  await ctx.transaction(async (tx) => {
    await lockSource(tx, source, 'refused')
    await insertReceipt(tx.db, { ...toReceipt(tx, source, delivery), outcome: 'refused', reason })
    await recordReceived(tx, source, { provider: delivery.provider, outcome: 'refused', reason })
  })
}

async function accept(ctx: Ctx, source: Source, delivery: Delivery & { sha256: string | null }): Promise<Received> {
  const { provider, about } = delivery
  return ctx.transaction(async (tx) => {
    const receipt = toReceipt(tx, source, delivery)
    await lockSource(tx, source, about === 'refs' ? 'accepted' : 'ignored')
    if (about !== 'refs') {
      const reason = about === 'ping' ? 'ping' : 'other_event'
      await insertReceipt(tx.db, { ...receipt, outcome: 'ignored', reason })
      await recordReceived(tx, source, { provider, outcome: 'ignored', reason })
      return { kind: about === 'ping' ? 'ping' : 'ignored' }
    }
    const id = await insertReceipt(tx.db, { ...receipt, outcome: 'accepted', reason: null })
    if (id === null) {
      await insertReceipt(tx.db, { ...receipt, outcome: 'accepted', reason: 'duplicate' })
      await recordReceived(tx, source, { provider, outcome: 'accepted', reason: 'duplicate' })
      return { kind: 'duplicate' }
    }
    const job = await enqueueSync(tx, source, 'interactive')
    await setReceiptJob(tx.db, id, job)
    await recordReceived(tx, source, { provider, outcome: 'accepted', reason: null })
    return { kind: 'requested', job }
  })
}

/** A receipt needs its source, and somebody may be removing it. */
async function lockSource(tx: Tx, source: Source, outcome: NewReceipt['outcome']): Promise<void> {
  if (!(await lockForDelivery(tx.db, source.id, outcome === 'accepted' ? tx.now : null))) {
    throw new DomainError('source_not_found')
  }
}

function toReceipt(
  tx: Tx,
  source: Source,
  delivery: Delivery & { sha256: string | null },
): Omit<NewReceipt, 'outcome' | 'reason'> {
  return {
    source: source.id,
    provider: delivery.provider,
    delivery: delivery.delivery,
    event: delivery.event,
    bodySha256: delivery.sha256,
    receivedAt: tx.now,
  }
}

async function recordReceived(
  tx: Tx,
  source: Source,
  what: { provider: string; outcome: NewReceipt['outcome']; reason: string | null },
): Promise<void> {
  await tx.record({ type: 'hook.received', organization: source.organization, source: source.id, ...what })
}
