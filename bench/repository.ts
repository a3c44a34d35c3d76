/** A git repository of realistic size, made by one `git fast-import`. */
import { createHash } from 'node:crypto'
import { ALL_CORES, runCommand } from './processes.ts'

const FILES = 60
const FILES_CHANGED_PER_COMMIT = 3
const FILE_BYTES = 4_000
const START = 1_600_000_000

/** A bare repository with one tag per commit. */
export interface BenchRepository {
  directory: string
  url: string
  tags: string[]
}

/** Makes a repository with that many tags, whose composer.json has that many different contents. */
export async function createRepository(
  directory: string,
  { name, tags, manifests }: { name: string; tags: number; manifests: number },
): Promise<BenchRepository> {
  await git(directory, ['init', '--quiet', '--bare', '--template=', '--initial-branch=main', directory])
  const names = Array.from({ length: tags }, (_, index) => `v1.${Math.floor(index / 10)}.${index % 10}`)
  const stream = names.flatMap((tag, index) =>
    toCommit({ name, tag, index, manifest: Math.floor((index * manifests) / tags), isContinuation: false }),
  )
  await git(directory, ['fast-import', '--quiet'], Buffer.from(stream.join('')))
  return { directory, url: `file://${directory}`, tags: names }
}

/** Adds one commit with a tag, as a push does. */
export async function pushTag(repository: BenchRepository, name: string, tag: string): Promise<void> {
  const index = repository.tags.length
  repository.tags.push(tag)
  const stream = toCommit({ name, tag, index, manifest: index, isContinuation: true })
  await git(repository.directory, ['fast-import', '--quiet'], Buffer.from(stream.join('')))
}

interface CommitToMake {
  name: string
  tag: string
  index: number
  manifest: number
  /** Whether the parent is in the repository and not in the same stream. */
  isContinuation: boolean
}

function toCommit({ name, tag, index, manifest, isContinuation }: CommitToMake): string[] {
  const when = `${START + index * 3_600} +0000`
  const message = `Release ${tag}`
  const changed = Array.from({ length: index === 0 ? FILES : FILES_CHANGED_PER_COMMIT }, (_, file) =>
    index === 0 ? file : (index * FILES_CHANGED_PER_COMMIT + file) % FILES,
  )
  return [
    `commit refs/heads/main\n`,
    `author A U Thor <author@example.org> ${when}\ncommitter A U Thor <author@example.org> ${when}\n`,
    data(message),
    isContinuation ? 'from refs/heads/main^0\n' : '',
    `M 100644 inline composer.json\n${data(toManifest(name, manifest))}`,
    ...changed.map((file) => `M 100644 inline src/Part${file % 8}/File${file}.php\n${data(toCode(file, index))}`),
    `reset refs/tags/${tag}\nfrom refs/heads/main\n\n`,
  ]
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}\n`
}

function toManifest(name: string, manifest: number): string {
  const content = {
    name,
    description: 'A library that a benchmark publishes',
    type: 'library',
    license: 'MIT',
    authors: [{ name: 'A U Thor', email: 'author@example.org' }],
    require: { php: '>=8.1', 'psr/log': '^3.0', 'psr/container': `^2.${manifest}` },
    'require-dev': { 'phpunit/phpunit': '^10.5' },
    autoload: { 'psr-4': { 'Bench\\Library\\': 'src/' } },
    extra: { revision: manifest },
  }
  return `${JSON.stringify(content, null, 4)}\n`
}

/** Source code as far as a compressor is concerned: much of it repeats, some of it does not. */
function toCode(file: number, index: number): string {
  const lines = ['<?php', '', `namespace Bench\\Library\\Part${file % 8};`, '', `final class File${file}`, '{']
  let size = 0
  for (let line = 0; size < FILE_BYTES; line += 1) {
    const seed = line % 9 === index % 9 ? `${file} ${line} ${index}` : `${file} ${line}`
    const word = createHash('md5').update(seed).digest('hex').slice(0, 10)
    lines.push(`    public function get${word}(int $value): int { return $value + ${line}; }`)
    size += 70
  }
  return `${lines.join('\n')}\n}\n`
}

/** Runs git without anybody's configuration. */
export function git(
  directory: string,
  commandLine: readonly string[],
  input: Uint8Array = new Uint8Array(),
): Promise<{ output: string; duration: number }> {
  const environment = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', HOME: directory, LC_ALL: 'C' }
  const start = { cores: ALL_CORES, environment }
  return runCommand(
    ['git', ...(commandLine[0] === 'init' || commandLine[0] === 'clone' ? [] : ['-C', directory]), ...commandLine],
    start,
    input,
  )
}
