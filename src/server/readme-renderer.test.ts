import { expect, test } from 'bun:test'
import { IsolatedReadmes } from './readme-renderer.ts'

const about = { path: 'README.md', repository: null, reference: 'abc' }

test('CO-148 a long README is rendered like a short one, and once', async () => {
  const readmes = new IsolatedReadmes()
  const order = { ...about, text: `# A\n\n${'Some *text* <script>x</script> of a README.\n\n'.repeat(400)}` }

  const [first, second] = await Promise.all([readmes.render(order), readmes.render(order)])

  expect(first).toStartWith('<p>Some <em>text</em>  of a README.</p>')
  expect(second).toBe(first)
  expect(await readmes.render(order)).toBe(first)
})

test('CO-148 abuse 45 a README that takes for ever to read is shown as text', async () => {
  const text = `${'a'.repeat(400_000)}@<b>`

  expect(await new IsolatedReadmes({ patience: 400 }).render({ ...about, text })).toBe(
    `<pre>${'a'.repeat(400_000)}@&#60;b&#62;</pre>`,
  )
})
