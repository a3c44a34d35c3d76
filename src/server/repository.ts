import type { App } from '../compose.ts'
import type { UsageBuffer } from '../core/statistics/index.ts'
import type { Telemetry } from '../surfaces/http/telemetry.ts'
import type { DocumentStore } from '../surfaces/repository/document-store.ts'
import { HotPath } from '../surfaces/repository/hot-path.ts'
import { parseRepositoryPath } from '../surfaces/repository/repository-path.ts'

export type { HotPath }

/** The hot path of the repository over an opened installation. */
export function createHotPath(
  app: App,
  { documents, usage, telemetry }: { documents: DocumentStore; usage: UsageBuffer; telemetry: Telemetry },
): HotPath {
  const { ports, config } = app
  return new HotPath({
    ctx: (actor, origin) => app.ctx(actor, origin),
    db: ports.database.read,
    stamp: () => ports.database.stamp(),
    clock: ports.clock,
    usage,
    documents,
    telemetry,
    cacheBytes: config.cacheBytes / 2,
    hasFixedUrl: config.publicUrl !== null,
  })
}

/** Whether a canonical path is one of the hot path. */
export function isHotPath(path: string): boolean {
  return parseRepositoryPath(path) !== null
}
