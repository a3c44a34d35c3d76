import type { Clock, Logger } from '../../core/kernel/ports.ts'
import type { Database } from '../db/database.ts'
import type { Execution } from './execution.ts'

/**
 * Extends the leases of these executions in one statement. Those whose row is no longer ours are aborted; so are those whose
 * lease may have ended while the database could not be reached, because another process may have started them.
 */
export async function extendLeases(
  database: Database,
  executions: readonly Execution[],
  setup: { clock: Clock; log: Logger; leaseDuration: number },
): Promise<void> {
  if (executions.length === 0) {
    return
  }
  const leaseEnds = performance.now() + setup.leaseDuration
  try {
    const extended = await updateLeases(database, executions, setup.clock.now() + setup.leaseDuration)
    for (const execution of executions) {
      if (extended.get(execution.job.id) === execution.job.attempt) {
        execution.leaseEnds = leaseEnds
      } else {
        loseJob(execution, setup.log)
      }
    }
  } catch (error) {
    setup.log.warn('The leases of running jobs could not be extended.', { error })
    loseOverdue(executions, setup.log)
  }
}

/** Gives up the executions whose lease has ended: another process may have started them. */
export function loseOverdue(executions: readonly Execution[], log: Logger): void {
  for (const execution of executions) {
    if (execution.leaseEnds <= performance.now()) {
      loseJob(execution, log)
    }
  }
}

/** Marks a job that somebody else may hold now: its handler is told to stop and its result is not written. */
export function loseJob(execution: Execution, log: Logger): void {
  if (execution.state !== 'held') {
    return
  }
  execution.state = 'lost'
  execution.abort.abort(new Error('The lease of the job was lost.'))
  log.warn('A running job is no longer held by this process.', { job: execution.job.id, kind: execution.job.kind })
}

async function updateLeases(
  database: Database,
  executions: readonly Execution[],
  leaseUntil: number,
): Promise<Map<number, number>> {
  const owners = new Set(executions.map((execution) => execution.job.owner))
  const rows = await database.write.transaction().execute((db) =>
    db
      .updateTable('jobs')
      .set({ lease_until: leaseUntil })
      .where(
        'id',
        'in',
        executions.map((execution) => execution.job.id),
      )
      .where('state', '=', 'running')
      .where('lease_owner', 'in', [...owners])
      .returning(['id', 'attempts'])
      .execute(),
  )
  return new Map(rows.map((row) => [row.id, row.attempts]))
}
