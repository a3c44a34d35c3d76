import type { Ctx } from '../../core/kernel/ctx.ts'

type Db = Ctx['db']

/** Faults that SQLite finds in its file, in its own words; empty when there are none. Reads the whole file. */
export async function readFileFaults(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('pragma_quick_check' as never)
    .select('quick_check' as never)
    .execute()
  return (rows as { quick_check: string }[]).map((row) => row.quick_check).filter((text) => text !== 'ok')
}

/** The version of a database server as a number (140005 is 14.5) and its time of day. */
export async function readServerFacts(db: Db): Promise<{ version: number; now: number }> {
  const row = await db
    .selectNoFrom((select) => [
      select.fn<string>('current_setting', [select.val('server_version_num')]).as('version'),
      select.fn<Date>('clock_timestamp').as('now'),
    ])
    .executeTakeFirstOrThrow()
  return { version: Number(row.version), now: new Date(row.now).getTime() }
}
