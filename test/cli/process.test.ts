import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { collect, createCliFixture, type CliFixture } from './cli-fixture.ts'

const MAIN = join(import.meta.dir, '../../src/main.ts')
const MANY = 30

let cli: CliFixture

beforeAll(async () => {
  cli = createCliFixture()
  for (let count = 0; count < MANY; count += 1) {
    await cli.succeed(['org', 'create', `org-${count}`, '--name', `Organization with a rather long name ${'x'.repeat(150)}`])
  }
})
afterAll(() => cli.end())

test.each([
  [['org', 'list'], 0],
  [['frobnicate'], 2],
  [['token', 'list', 'nobody'], 3],
  [['org', 'create', 'org-1'], 4],
])('%p ends with the exit code %d', async (line, code) => {
  expect((await collect(cli.spawn(line))).code).toBe(code)
})

test('a process without a command ends with the exit code 2 and the help', async () => {
  const { code, stderr } = await collect(cli.spawn([]))

  expect(code).toBe(2)
  expect(stderr).toContain('Usage: repertoire')
})

test('a reader that stops early ends nothing with noise', async () => {
  // Far more than a pipe holds: eight lists one after the other, of which one line is read.
  const command = 'for i in 1 2 3 4 5 6 7 8; do "$0" "$1" org list --json; echo "exit $?" >&2; done | head -1'
  const child = Bun.spawn(['sh', '-c', command, process.execPath, MAIN], {
    env: { PATH: process.env['PATH'] ?? '', ...cli.env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])

  expect(stdout).toBe('[\n')
  expect(stderr.trim().split('\n')).toEqual(Array.from({ length: 8 }, () => 'exit 0'))
})

test('Ctrl-C at a question ends the process with the exit code 130', async () => {
  const fresh = createCliFixture()
  const command = `"${process.execPath}" "${MAIN}" setup; echo "exit $?"`
  // `script` gives the child a terminal of its own.
  const child = Bun.spawn(['script', '-q', '-c', command, '/dev/null'], {
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...fresh.env },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes('E-mail address of the owner: ') && !text.includes('error')) {
      void child.stdin.write('\u0003')
      await child.stdin.flush()
    }
  }
  fresh.end()

  expect(text).toContain('error: Interrupted.')
  expect(text).toContain('exit 130')
})
