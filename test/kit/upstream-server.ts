/** An upstream Composer repository on loopback, in every shape, that changes and misbehaves as a test tells it and remembers what it was asked. */
import { afterEach } from 'bun:test'
import { startUpstream, type Upstream, type UpstreamOptions } from './upstream-host.ts'

export { startUpstream, type Upstream, type UpstreamOptions } from './upstream-host.ts'
export type { UpstreamFault } from './upstream-faults.ts'
export type { UpstreamShape } from './upstream-documents.ts'

const temporary = new Set<Upstream>()

afterEach(async () => {
  for (const upstream of temporary) await upstream.stop()
  temporary.clear()
})

/** As `startUpstream`, until the test ends. */
export async function temporaryUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const upstream = await startUpstream(options)
  temporary.add(upstream)
  return upstream
}
