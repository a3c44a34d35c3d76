import { describe, expect, test } from 'bun:test'
import { describeSkipped, importChildren, type ChildManifest, type ChildRef, type ImportedChild } from './import-children.ts'

const TEXTS: Record<string, string> = {
  core: '{"name":"acme/core"}',
  client: '{"name":"acme/client","require":{"acme/core":"self.version"}}',
  versioned: '{"name":"acme/core","version":"1.0.0"}',
}

function child(path: string, id: string, name: string | null = `acme/${id}`): ChildManifest {
  return { path, id, name, problem: name === null ? 'it has no name' : null }
}

function ref(kind: 'tag' | 'branch', name: string, children: readonly ChildManifest[] | null): ChildRef {
  return { kind, name, commit: `commit of ${name}`, objectType: 'commit', authoredAt: 0, children }
}

async function run(refs: readonly ChildRef[]) {
  const asked: string[][] = []
  const children: ImportedChild[] = []
  const { skipped } = await importChildren(
    {
      refs,
      defaultBranch: 'main',
      async load(ids) {
        asked.push([...ids])
        return new Map([...ids].map((id) => [id, new TextEncoder().encode(TEXTS[id] ?? '')]))
      },
    },
    (imported) => children.push(imported),
  )
  return { asked, skipped, children }
}

describe('the packages of one repository', () => {
  test('are imported one by one from the refs that have them', async () => {
    const both = [child('a/composer.json', 'core'), child('b/composer.json', 'client')]
    const { asked, children, skipped } = await run([
      ref('tag', 'v1.0.0', both),
      ref('tag', 'v1.1.0', [child('moved/core/composer.json', 'core')]),
      ref('branch', 'main', [child('composer.json', 'client')]),
    ])

    expect(asked).toEqual([['client'], ['core']])
    expect(skipped).toEqual([])
    expect(children.map(({ name, versions }) => [name, versions.map(({ version }) => version)])).toEqual([
      ['acme/client', ['v1.0.0', 'dev-main']],
      ['acme/core', ['v1.0.0', 'v1.1.0']],
    ])
    expect([...(children[1]?.directories ?? [])]).toEqual([
      ['commit of v1.0.0', 'a'],
      ['commit of v1.1.0', 'moved/core'],
    ])
    expect(children[0]?.directories.get('commit of main')).toBe('')
    expect(children[0]?.versions[0]?.manifest.require).toEqual({ 'acme/core': 'self.version' })
    expect(children[0]?.versions[1]?.isDefaultBranch).toBe(true)
  })

  test('follow the rule for a version in the manifest', async () => {
    const { children, skipped } = await run([
      ref('tag', '1.0.0', [child('a/composer.json', 'versioned', 'acme/core')]),
      ref('tag', '2.0.0', [child('a/composer.json', 'versioned', 'acme/core')]),
    ])

    expect(children[0]?.versions.map(({ version }) => version)).toEqual(['1.0.0'])
    expect(skipped).toEqual([
      expect.objectContaining({ ref: 'refs/tags/2.0.0', path: 'a/composer.json', code: 'version-mismatch' }),
    ])
  })

  test('are all skipped when two have one name, and the others go on', async () => {
    const { children, skipped } = await run([
      ref('tag', '1.0.0', [
        child('a/composer.json', 'core'),
        child('b/composer.json', 'core'),
        child('c/composer.json', 'client'),
        child('d/composer.json', 'x', null),
      ]),
    ])

    expect(children.map(({ name }) => name)).toEqual(['acme/client'])
    expect(skipped.map(({ path, code, reason }) => [path, code, reason])).toEqual([
      ['d/composer.json', 'rejected', 'it has no name'],
      ['a/composer.json', 'duplicate-name', 'acme/core is also the name in b/composer.json'],
      ['b/composer.json', 'duplicate-name', 'acme/core is also the name in a/composer.json'],
    ])
  })
})

describe('a ref of which packages were skipped', () => {
  const two = ref('tag', 'nightly', [child('a/composer.json', 'core'), child('b/composer.json', 'client')])
  const skip = (path: string, reason: string) => ({ ref: 'refs/tags/nightly', path, code: 'invalid-name', reason })

  test('has their common reason, or each with its path', () => {
    expect(describeSkipped(two, [])).toBeNull()
    expect(describeSkipped(two, [skip('a/composer.json', 'x'), skip('b/composer.json', 'x')])).toEqual({
      code: 'invalid-name',
      reason: 'x',
    })
    expect(describeSkipped(two, [skip('a/composer.json', 'x')])).toEqual({ code: 'packages', reason: 'a/composer.json: x' })
    expect(describeSkipped(ref('tag', '1', []), [])?.code).toBe('no-manifest')
    expect(describeSkipped(ref('tag', '1', null), [])?.code).toBe('too-many-packages')
    const many = Array.from({ length: 30 }, (_, index) => skip(`${index}/composer.json`, `reason ${index}`))
    expect(describeSkipped(two, many)?.reason).toEndWith('; 10 more')
  })
})
