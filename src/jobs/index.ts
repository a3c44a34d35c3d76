import type { Ctx } from '../core/kernel/ctx.ts'
import type { JobKind, JobPayloads, JobReport } from '../core/kernel/jobs.ts'
import { createDeflateCache } from '../composer/index.ts'
import { purgeReceipts } from '../core/hooks/index.ts'
import {
  buildArchive,
  collectBlobs,
  prebuildArchives,
  reconcileSources,
  scrubBlobs,
  syncSource,
  type ArchiveTools,
} from '../core/sources/index.ts'

/** Memory for compressed files that consecutive archives of a repository share, in bytes. */
const DEFLATE_CACHE_BYTES = 64 * 1024 * 1024

/** Kinds of work that are not commands of the core but housekeeping of the queue itself. */
type CoreJobKind = Exclude<JobKind, 'jobs.purge'>

/** What runs each kind of job: decodes nothing, decides nothing, calls one command. Every command here may be run twice. */
export type CoreJobs = {
  [Kind in CoreJobKind]: (ctx: Ctx, payload: JobPayloads[Kind], report: JobReport) => Promise<void>
}

/** The jobs of the core. Those of one call share the memory of compressed files. */
export function createCoreJobs(): CoreJobs {
  const cache = createDeflateCache(DEFLATE_CACHE_BYTES)
  const tools = (report: JobReport): ArchiveTools => ({ report, cache })
  return {
    'source.sync': async (ctx, payload, report) => void (await syncSource(ctx, payload.source, report)),
    'sources.reconcile': async (ctx, _, report) => void (await reconcileSources(ctx, report)),
    'hooks.purge': async (ctx) => void (await purgeReceipts(ctx)),
    'archive.build': (ctx, payload, report) => buildArchive(ctx, payload, tools(report)),
    'archives.prebuild': (ctx, payload, report) => prebuildArchives(ctx, payload.package, tools(report)),
    'mirror.remove': (ctx, payload) => ctx.git.remove(payload.mirror),
    'blobs.scrub': async (ctx, _, report) => void (await scrubBlobs(ctx, report)),
    'blobs.collect': async (ctx, _, report) => void (await collectBlobs(ctx, report)),
  }
}
