import { expect, test } from 'bun:test'
import { createMirrorKit } from '../../../test/kit/mirror-kit.ts'
import { rememberAbsence } from './absences.ts'

test('absences that arrive together are one transaction with one event', async () => {
  const kit = await createMirrorKit({ packages: {} })
  const { mirror } = await kit.mirror()
  const ctx = kit.app.ctx()

  await Promise.all(['a/c', 'a/b', 'a/c'].map((name) => rememberAbsence(ctx, { mirror, name }, undefined)))
  const events = kit.app.events.filter(({ type }) => type === 'mirror.names-absent')
  expect(events).toMatchObject([{ names: ['a/b', 'a/c'] }])
})
