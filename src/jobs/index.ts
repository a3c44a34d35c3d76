import type { Ctx } from '../core/kernel/ctx.ts'
import type { JobKind, JobPayloads, JobReport } from '../core/kernel/jobs.ts'
import { createDeflateCache } from '../composer/index.ts'
import { purgeOrganizations } from '../core/catalog/index.ts'
import { refreshAdvisories, refreshFilters, scanPackages } from '../core/advisories/index.ts'
import { purgeAccounts } from '../core/accounts/index.ts'
import { purgeEvents } from '../core/audit/index.ts'
import { rollUpStatistics } from '../core/statistics/index.ts'
import { purgeReceipts, registerAtHost, unregisterAtHost } from '../core/hooks/index.ts'
import { runLockPrefetch } from '../core/locks/index.ts'
import { fetchMirroredPackage, refreshMirror, scheduleMirrors } from '../core/mirrors/index.ts'
import { purgeMails, sendMail } from '../core/mail/index.ts'
import { prefetchArchives, storeMirroredArchive } from '../core/mirrors/index.ts'
import { collectNotices, sendNotices } from '../core/notices/index.ts'
import { deliverEvents, purgeDeliveries } from '../core/webhooks/index.ts'
import {
  buildArchive,
  collectBlobs,
  collectReadmes,
  prebuildArchives,
  reconcileSources,
  retireArchives,
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
  const tools = (report: JobReport): ArchiveTools => ({ report, cache, fetchMirrored: storeMirroredArchive })
  return {
    'source.sync': async (ctx, payload, report) => void (await syncSource(ctx, payload.source, report)),
    'sources.reconcile': async (ctx, _, report) => void (await reconcileSources(ctx, report)),
    'advisories.refresh': (ctx, _, report) => refreshAdvisories(ctx, report),
    'filters.refresh': (ctx) => refreshFilters(ctx),
    'advisories.scan': async (ctx, _, report) => void (await scanPackages(ctx, report)),
    'accounts.purge': (ctx) => purgeAccounts(ctx),
    'hook.register': (ctx, payload) => registerAtHost(ctx, payload.source),
    'hook.unregister': (ctx, payload) => unregisterAtHost(ctx, payload.registration),
    'hooks.purge': async (ctx) => void (await purgeReceipts(ctx)),
    'archive.build': (ctx, payload, report) => buildArchive(ctx, payload, tools(report)),
    'archives.prebuild': (ctx, payload, report) => prebuildArchives(ctx, payload.package, tools(report)),
    'archives.prefetch': async (ctx, payload, report) => void (await prefetchArchives(ctx, payload.source, report)),
    'lock.prefetch': (ctx, payload, report) => runLockPrefetch(ctx, payload, tools(report)),
    'mirror.remove': (ctx, payload) => ctx.git.remove(payload.mirror),
    'mirror.refresh': (ctx, payload, report) => refreshMirror(ctx, payload.source, report),
    'mirror.fetch': (ctx, payload, report) => fetchMirroredPackage(ctx, payload, report),
    'mirrors.schedule': (ctx, _, report) => scheduleMirrors(ctx, report),
    'notices.send': (ctx, payload) => sendNotices(ctx, payload.organization),
    'notices.collect': async (ctx) => void (await collectNotices(ctx)),
    'webhook.deliver': (ctx, payload) => deliverEvents(ctx, payload.webhook),
    'webhooks.purge': async (ctx) => void (await purgeDeliveries(ctx)),
    'mail.send': (ctx, payload) => sendMail(ctx, payload.mail),
    'mails.purge': async (ctx) => void (await purgeMails(ctx)),
    'organizations.purge': async (ctx, _, report) => void (await purgeOrganizations(ctx, report)),
    'blobs.scrub': async (ctx, _, report) => void (await scrubBlobs(ctx, report)),
    'statistics.roll-up': (ctx, _, report) => rollUpStatistics(ctx, report),
    'events.purge': async (ctx) => void (await purgeEvents(ctx)),
    'blobs.collect': async (ctx, _, report) => {
      await collectReadmes(ctx)
      await retireArchives(ctx)
      await collectBlobs(ctx, report)
    },
  }
}
