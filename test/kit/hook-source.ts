/** A source with a hook, and deliveries to it as its command sees them. */
import { createHmac } from 'node:crypto'
import { HookGate, getHook, receiveHook, type Delivery, type Hook, type Received } from '../../src/core/hooks/index.ts'
import type { OrganizationId } from '../../src/core/kernel/values.ts'
import { findSourceAnywhere, type Source } from '../../src/core/sources/index.ts'
import { createTestApp, type TestApp } from './app.ts'
import { buildSource } from './build.ts'

export interface HookSource {
  app: TestApp
  organization: OrganizationId
  gate: HookGate
  /** As it stands now. */
  source(): Promise<Source>
  hook: Hook
  /** Sends a signed delivery; what is left out is that of a push. */
  deliver(change?: Partial<Delivery> & { text?: string; secret?: string }): Promise<Received>
}

/** A source that was never read, with a hook. `app` may be one that has git and a source of its own. */
export async function createHookSource(given?: { app: TestApp; source: Source }): Promise<HookSource> {
  const app = given?.app ?? (await createTestApp())
  const { id: organization } = given === undefined ? await app.organization() : { id: given.source.organization }
  const uid = given?.source.uid ?? (await buildUid(app, organization))
  const source = async () => {
    const found = await findSourceAnywhere(app.test.database.read, uid)
    if (found === null) {
      throw new Error('The source is gone.')
    }
    return found
  }
  const hook = await getHook(app.ctx(), await source())
  const gate = new HookGate()
  return {
    app,
    organization,
    gate,
    source,
    hook,
    deliver: ({ text = '{}', secret = hook.secret, ...change } = {}) =>
      receiveHook(app.ctx({ kind: 'anonymous' }), gate, {
        source: uid,
        provider: 'github',
        proof: { kind: 'signature', value: createHmac('sha256', secret).update(text).digest('hex') },
        event: 'push',
        about: 'refs',
        delivery: null,
        sender: '192.0.2.1',
        body: async (take) => take(Buffer.from(text)),
        ...change,
      }),
  }
}

async function buildUid(app: TestApp, organization: OrganizationId): Promise<string> {
  const id = await buildSource(app, organization, 'acme/hooked')
  const { uid } = await app.test.database.read.selectFrom('sources').select('uid').where('id', '=', id).executeTakeFirstOrThrow()
  return uid
}
