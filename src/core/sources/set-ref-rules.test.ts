import { expect, test } from 'bun:test'
import { createTestApp } from '../../../test/kit/app.ts'
import { addSource } from './add-source.ts'
import { addCustomSource } from './add-custom-source.ts'
import { getSource } from './manage-sources.ts'
import { setManifests } from './set-manifests.ts'
import { setRefRules } from './set-ref-rules.ts'

const URL = 'https://git.example.org/acme/http.git'

test('PR-602 names alone and several packages exclude each other, whichever comes first', async () => {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  app.leaveJobs()
  const both = { organization, url: URL, credential: null, manifests: ['*/composer.json'], refRules: 'literal' as const }
  expect(addSource(app.ctx(), both)).rejects.toMatchObject({ details: { field: 'refs' } })

  const { source } = await addSource(app.ctx(), { organization, url: URL, credential: null })
  await setRefRules(app.ctx(), source, 'literal')
  const literal = await getSource(app.ctx(), { organization, uid: source.uid })
  expect(setManifests(app.ctx(), literal, ['*/composer.json'])).rejects.toMatchObject({ details: { field: 'refs' } })

  await setRefRules(app.ctx(), literal, 'composer')
  await setManifests(app.ctx(), await getSource(app.ctx(), { organization, uid: source.uid }), ['*/composer.json'])
  const several = await getSource(app.ctx(), { organization, uid: source.uid })
  expect(setRefRules(app.ctx(), several, 'literal')).rejects.toMatchObject({ details: { field: 'refs' } })
})

test('PR-602 only a repository has refs', async () => {
  const app = await createTestApp()
  const { id: organization } = await app.organization()
  const definition = JSON.stringify({ name: 'acme/all', version: '1.0.0', type: 'metapackage' })
  const { source } = await addCustomSource(app.ctx(), { organization, definition, credential: null })
  app.leaveJobs()

  const custom = await getSource(app.ctx(), { organization, uid: source.uid })
  expect(setRefRules(app.ctx(), custom, 'literal')).rejects.toMatchObject({ details: { field: 'source' } })
})
