import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { createProgram } from '../../src/cli/program.ts'
import { toTerminal } from '../../src/cli/terminal.ts'

const ROOT = join(import.meta.dir, '../..')
const page = readFileSync(join(ROOT, 'docs/operate/command-line.md'), 'utf8')

function listCommands(command: Command, path: readonly string[]): { path: string; options: string[] }[] {
  const own = { path: path.join(' '), options: command.options.map((option) => option.long ?? '') }
  const children = command.commands.flatMap((child) => listCommands(child, [...path, child.name()]))
  return children.length > 0 ? children : [own]
}

function readCommands(): { path: string; options: string[] }[] {
  const silent = { write: () => {} }
  const io = { env: {}, stdin: process.stdin, stdout: silent, stderr: silent, tryLockData: () => null }
  return listCommands(
    createProgram({ terminal: toTerminal(io), isJson: false }, () => async () => {}),
    ['repertoire'],
  )
}

test('the page of the command line has a section for every command, with all of its options', () => {
  const missing = readCommands().flatMap(({ path, options }) => {
    const start = page.indexOf(`### \`${path}`)
    const section = start < 0 ? '' : page.slice(start, page.indexOf('\n##', start + 1) >>> 0)
    return start < 0 ? [path] : options.filter((option) => !section.includes(`\`${option}`)).map((option) => `${path} ${option}`)
  })

  expect(missing).toEqual([])
})

test('the page of the command line names no command that does not exist', () => {
  const known = new Set(readCommands().map(({ path }) => path))
  const named = [...page.matchAll(/^### `(repertoire(?: [a-z]+(?:-[a-z]+)*)+)/gm)].map(([, path = '']) => path)

  expect(named.filter((path) => !known.has(path))).toEqual([])
})

test('PR-904 the commands that stand in for those of Pricore are there', () => {
  const api = readFileSync(join(ROOT, 'docs/api/pricore.md'), 'utf8')
  const table = api.slice(api.indexOf('### Commands'), api.indexOf('### Activity'))
  const named = [...table.matchAll(/`(repertoire(?: [a-z]+(?:-[a-z]+)*)+)/g)].map(([, path = '']) => path)
  const known = readCommands().map(({ path }) => path)

  expect(named.length).toBeGreaterThanOrEqual(4)
  expect(named.filter((path) => !known.includes(path))).toEqual([])
})

test('the page of the settings is what the program says', async () => {
  const child = Bun.spawn([process.execPath, join(ROOT, 'tools/generate-docs.mjs'), '--check'], {
    stdout: 'pipe',
    stderr: 'pipe',
  })

  expect([await child.stdout.text(), await child.exited]).toEqual([expect.stringContaining('is up to date.'), 0])
})
