/**
 * Run as a process of its own by cases/sync.ts, so that its memory is that of one sync: opens an empty data directory, syncs one
 * repository, then builds archives of its newest versions, and prints what it took as JSON.
 */
import { createOrganization } from '../src/core/access/index.ts'
import type { JobReport } from '../src/core/kernel/jobs.ts'
import { listPackages } from '../src/core/packages/index.ts'
import { addSource, buildArchive, syncSource } from '../src/core/sources/index.ts'
import { createDeflateCache } from '../src/composer/index.ts'
import { peakResidentBytes } from './processes.ts'
import { openData } from './provision.ts'

/** What the process prints: milliseconds and bytes. */
export interface SyncProbe {
  sync: number
  versions: number
  peak: number
  archive: number
}

const CACHE_BYTES = 64 * 1024 * 1024
const SILENT: JobReport = { step: async () => {}, progress: () => {}, log: () => {} }

async function probe(directory: string, url: string, references: readonly string[]): Promise<SyncProbe> {
  const { app, ctx } = await openData(directory)
  try {
    const organization = await createOrganization(ctx(), { slug: 'bench', name: 'Bench' })
    const { source } = await addSource(ctx(), { organization: organization.id, url, credential: null })
    const syncBegan = performance.now()
    const outcome = await syncSource(ctx(), source.id, SILENT)
    const sync = performance.now() - syncBegan
    const peak = peakResidentBytes(process.pid)
    const [target] = await listPackages(ctx(), { organization: organization.id, limit: 1, afterName: '' })
    if (outcome === null || target === undefined) {
      throw new Error('The sync published nothing.')
    }
    const tools = { report: SILENT, cache: createDeflateCache(CACHE_BYTES) }
    const archivesBegan = performance.now()
    for (const reference of references) {
      await buildArchive(ctx(), { package: target.id, reference }, tools)
    }
    const archive = (performance.now() - archivesBegan) / references.length
    return { sync, versions: outcome.versions, peak, archive }
  } finally {
    await app.close()
  }
}

const [directory = '', url = '', references = ''] = process.argv.slice(2)
console.log(JSON.stringify(await probe(directory, url, references.split(','))))
