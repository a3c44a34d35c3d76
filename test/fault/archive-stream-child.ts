/**
 * The child process of `archive-stream.test.ts`: mirrors the upstream of the second argument into the installation of the first, fetches every archive
 * of one package, four at a time, and prints how many bytes came and how much more memory than before the process took.
 */
import { createOrganization } from '../../src/core/access/index.ts'
import { getAudience, obtainDist, UnknownReferences } from '../../src/core/catalog/index.ts'
import { eachAtOnce } from '../../src/core/kernel/each-at-once.ts'
import { addMirror, obtainMirroredPackage } from '../../src/core/mirrors/index.ts'
import { configOf, openInstallation, operatorCtx, runJobs } from './installation.ts'

const [data = '', url = '', name = ''] = process.argv.slice(2)
const app = await openInstallation(configOf(data))
const { id: organization } = await createOrganization(operatorCtx(app), { slug: 'acme', name: 'Acme' })
await addMirror(operatorCtx(app), { organization, url })
await runJobs(app)
const target = await obtainMirroredPackage(operatorCtx(app), { organization, name, onlyOpen: false })
const dists = await app.ports.database.read.selectFrom('dists').select('reference').execute()

const before = process.memoryUsage().rss
let peak = before
const timer = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage().rss)
}, 10)
let bytes = 0
await eachAtOnce(dists, 4, async ({ reference }) => {
  const audience = await getAudience(operatorCtx(app), 'acme')
  const { location } = await obtainDist(operatorCtx(app), audience, { name, reference, unknown: new UnknownReferences() })
  bytes += location.kind === 'file' ? location.size : 0
})
clearInterval(timer)
await app.close()
const grownMegabytes = Math.round((peak - before) / 1_048_576)
process.stdout.write(`${JSON.stringify({ found: target?.name, archives: dists.length, bytes, grownMegabytes })}\n`)
