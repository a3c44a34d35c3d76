import { describe, expect, test } from 'bun:test'
import { listJsonMembers, spliceJsonMembers } from './json-members.ts'

function again(text: string): string | null {
  const members = listJsonMembers(text)
  return members === null ? null : spliceJsonMembers(members, {})
}

describe('the members of a JSON object', () => {
  test('GL-083 keep numbers, empty objects, the order of names and names that mean something to JavaScript', () => {
    const text =
      '{"b":1.0,"a":{},"n":[],"10":{"2":12345678901234567890,"1":1e400},"__proto__":{"x":[1,{"y":null}]},"":"é/\\u2028","t":true}'

    expect(again(text)).toBe(text.replace('\\u2028', '\u2028'))
  })

  test('lose white space, escapes that are not needed, and a byte order mark', () => {
    expect(again('\uFEFF { "a\\/b" : "\\u00e9\\/" ,\n "c" : [ 1 , 2 ] }\n')).toBe('{"a/b":"é/","c":[1,2]}')
  })

  test('of one name are the last value in the first place', () => {
    expect(again('{"a":1,"b":2,"a":{"c":":,"}}')).toBe('{"a":{"c":":,"},"b":2}')
  })

  test.each(['', '[]', 'null', '"{}"', '{', '{"a":1}x', '{"a"}'])('%p has none', (text) => {
    expect(again(text)).toBeNull()
  })

  test('GL-082 are replaced in place, appended in order, and taken out', () => {
    const members = listJsonMembers('{"version":"9","name":"a/b","ver\\u0073ion":"8","source":{}}') ?? new Map()

    expect(spliceJsonMembers(members, { dist: { type: 'zip' }, source: null, uid: 7, version: '1.0.0' })).toBe(
      '{"version":"1.0.0","name":"a/b","dist":{"type":"zip"},"uid":7}',
    )
  })
})
