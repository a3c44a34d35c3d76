import { expect, test } from 'bun:test'
import { readUpstreamChanges } from './read-upstream-changes.ts'
import { readUpstreamListing, toUpstreamBody } from './read-upstream-listing.ts'

const HASH = 'a'.repeat(64)

test('CO-090 a list of providers has checksums and may name further lists', () => {
  const body = JSON.stringify({
    providers: { 'acme/http': { sha256: HASH }, 'acme/none': {} },
    'provider-includes': { 'p/more$%hash%.json': { sha256: HASH }, 'javascript:alert(1)': { sha256: HASH } },
  })
  const listing = readUpstreamListing(body, 'https://r.example/packages.json')
  expect(listing).toMatchObject({
    kind: 'listing',
    providers: new Map([['acme/http', HASH]]),
    lists: [
      { url: `https://r.example/p/more$${HASH}.json`, checksum: { algorithm: 'sha256', hex: HASH } },
      { url: 'https://r.example/javascript:alert(1)' },
    ],
  })
})

test.each(['<html>', '[]', '', '{"providers":'])('abuse 25: %p is no list', (body) => {
  expect(readUpstreamListing(body, 'https://r.example/packages.json')).toMatchObject({ kind: 'unusable' })
})

test('versions are stored minified and without what is no version', () => {
  const body = toUpstreamBody('acme/http', { a: { version: '2.0', x: 1 }, b: { version: '1.0', x: 1 }, c: 'text', d: null })
  expect(JSON.parse(body)).toEqual({
    minified: 'composer/2.0',
    packages: { 'acme/http': [{ version: '2.0', x: 1 }, { version: '1.0' }] },
  })
  expect(JSON.parse(toUpstreamBody('acme/http', 'text'))).toMatchObject({ packages: { 'acme/http': [] } })
})

test('CO-141 a feed says what to begin with, what changed, and that all has to be looked at again', () => {
  expect(readUpstreamChanges('{"error":"Invalid or missing since","timestamp":17000000000000}')).toEqual({
    kind: 'start',
    next: '17000000000000',
  })
  const actions = [
    { type: 'update', package: 'acme/http', time: 100 },
    { type: 'update', package: 'Acme/Http~dev', time: 101 },
    { type: 'update', package: 'acme/back', time: 111 },
    { type: 'delete', package: 'acme/back', time: 100 },
    { type: 'delete', package: 'acme/gone', time: 100 },
    { type: 'update', package: 'acme/gone~dev', time: 105 },
    { type: 'update', package: '../evil', time: 1 },
    { type: 'paint', package: 'acme/x', time: 1 },
    'text',
    null,
  ]
  expect(readUpstreamChanges(JSON.stringify({ actions, timestamp: '5' }))).toEqual({
    kind: 'changes',
    updated: ['acme/http', 'acme/back'],
    deleted: ['acme/gone'],
    times: new Map([
      ['acme/http', 100],
      ['acme/http~dev', 101],
      ['acme/back', 111],
      ['acme/gone', 100],
      ['acme/gone~dev', 105],
    ]),
    next: '5',
  })
  const resync = { actions: [...actions, { type: 'resync', package: '*', time: 1 }], timestamp: 5 }
  expect(readUpstreamChanges(JSON.stringify(resync))).toEqual({ kind: 'resync', next: '5' })
})

test.each(['<html>', '{}', '{"actions":[]}', '{"timestamp":5}', '{"actions":{},"timestamp":5}', '{"actions":[],"timestamp":-5}'])(
  'abuse 25: %p is no feed',
  (body) => {
    expect(readUpstreamChanges(body)).toMatchObject({ kind: 'unusable' })
  },
)
