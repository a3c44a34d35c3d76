import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { ALL_CORES, runCommand } from './processes.ts'
import { renderTable } from './report.ts'
import type { Result } from './results.ts'

const PATH = join(import.meta.dir, '../docs/benchmarks.md')
const BEGIN = '<!-- results: written by npm run bench -- --write -->'
const END = '<!-- end of results -->'

/** Replaces the results in docs/benchmarks.md and leaves the text around them alone. */
export async function writeResults(results: readonly Result[], run: { rounds: number; seconds: number }): Promise<void> {
  const text = await readFile(PATH, 'utf8')
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin < 0 || end < begin) {
    throw new Error(`docs/benchmarks.md has no place for results between "${BEGIN}" and "${END}".`)
  }
  const section = `${BEGIN}\n\n${await describeRun(run)}\n\n${renderTable(results)}\n\n`
  await writeFile(PATH, text.slice(0, begin) + section + text.slice(end))
}

async function describeRun({ rounds, seconds }: { rounds: number; seconds: number }): Promise<string> {
  const date = new Date().toISOString().slice(0, 10)
  const versions = [
    `Bun ${Bun.version}`,
    await versionOf(['nginx', '-v'], /nginx\/([\d.]+)/, 'nginx'),
    await versionOf(['git', '--version'], /version ([\d.]+)/, 'git'),
    await versionOf(['composer', '--version', '--no-ansi'], /version ([\d.]+)/, 'Composer'),
  ]
  return `${date}. Linux virtual machine with ${cpus().length} cores, ${versions.join(', ')}. ${rounds} alternating runs of ${seconds} s each.`
}

async function versionOf(command: readonly string[], pattern: RegExp, name: string): Promise<string> {
  const environment = { COMPOSER_ALLOW_SUPERUSER: '1', HOME: '/nonexistent' }
  const { output } = await runCommand(['sh', '-c', `${command.join(' ')} 2>&1`], { cores: ALL_CORES, environment })
  return `${name} ${pattern.exec(output)?.[1] ?? 'of unknown version'}`
}
