import { expect, test } from 'bun:test'
import { missingPackages } from './dependencies.mjs'

const wanted = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
    'node_modules/a/node_modules/b': { version: '2.0.0', integrity: 'sha512-b' },
    'node_modules/other-platform': { version: '1.0.0', integrity: 'sha512-o', optional: true },
  },
}

test('an installation without the optional packages of other platforms is complete', () => {
  const { '': _root, 'node_modules/other-platform': _optional, ...installed } = wanted.packages

  expect(missingPackages(wanted, { packages: installed })).toEqual([])
})

test('absent packages, other versions and other contents are missing', () => {
  const installed = {
    'node_modules/a': { version: '1.0.0', integrity: 'sha512-else' },
    'node_modules/other-platform': { version: '0.9.0', integrity: 'sha512-o' },
  }

  expect(missingPackages(wanted, { packages: installed })).toEqual([
    'node_modules/a',
    'node_modules/a/node_modules/b',
    'node_modules/other-platform',
  ])
})
