import { describe, expect, test } from 'bun:test'
import { classifyGitFailure } from './git-failure.ts'

function codeOf(errors: string): string {
  const failure = classifyGitFailure(errors)
  return failure.kind === 'final' ? failure.error.code : failure.kind
}

describe("git's error text", () => {
  test.each([
    ["fatal: Authentication failed for 'https://h/x/'", 'source_refused'],
    ["fatal: could not read Username for 'https://h': terminal prompts disabled", 'source_refused'],
    ["fatal: unable to access 'https://h/x/': The requested URL returned error: 403", 'limited'],
    ['git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.', 'source_refused'],
    ["fatal: unable to access 'https://h/x/': The requested URL returned error: 301", 'redirected'],
    ["fatal: unable to access 'https://h/x/': The requested URL returned error: 429", 'limited'],
    ["fatal: unable to access 'https://h/x/': The requested URL returned error: 500", 'source_unreachable'],
    ["fatal: repository 'https://h/x/' not found", 'source_unreachable'],
    [
      "fatal: unable to access 'https://h/x/': server certificate verification failed. CAfile: none CRLfile: none",
      'source_unreachable',
    ],
    ['Host key verification failed.\nfatal: Could not read from remote repository.', 'source_unreachable'],
    [
      'fatal: the remote end hung up unexpectedly\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output',
      'source_unreachable',
    ],
    [
      'fatal: attempting to allocate 1073741825 over limit 268435456\nfatal: fetch-pack: invalid index-pack output',
      'source_too_large',
    ],
    ['fatal: write error: No space left on device\nfatal: early EOF', 'storage_unavailable'],
    ['fatal: pack has bad object at offset 12: inflate returned -3', 'source_invalid'],
    ['', 'source_invalid'],
  ])('%p is %s', (errors, code) => {
    expect(codeOf(errors)).toBe(code)
  })

  test('becomes one harmless line without control characters, users of URLs and excess', () => {
    const failure = classifyGitFailure(`fatal: \u001b[31mred\u202e at https://user:secret@h/x\u0000 ${'y'.repeat(1000)}`)
    const problem = failure.kind === 'final' ? String(failure.error.details.problem) : ''
    expect(problem).toStartWith('[31mred  at https://h/x')
    expect(problem.length).toBeLessThan(310)
  })
})
