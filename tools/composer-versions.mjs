import { ensureComposerVersions } from './lib/composer-versions.mjs'
import { end, endOnSignals, fail } from './lib/run.mjs'

/** Brings the Composers that the client tests use beside the installed one, without running everything. */
endOnSignals()
await ensureComposerVersions().catch((error) => fail(error instanceof Error ? error.message : String(error)))
await end(0)
