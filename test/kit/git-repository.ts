import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Contents of one path in a commit: text, bytes, or with a mode (`160000` takes a commit id as text). */
export type TestFile = string | Uint8Array | { mode: string; data: string | Uint8Array }

/** One commit to build; `parent` is an earlier id or none. Dates are epoch seconds. */
export interface TestCommit {
  files: Readonly<Record<string, TestFile>>
  parent?: string
  committedAt?: number
  authoredAt?: number
  message?: string
}

/** A bare repository in a temporary directory. */
export interface TestRepository {
  directory: string
  /** `file://` URL. */
  url: string
  /** Runs git on the repository and returns its output; throws when it fails. */
  git(commandLine: readonly string[], input?: string | Uint8Array): Promise<string>
  /** Builds commits in one process; refs are untouched. Returns their ids. */
  commit(...commits: TestCommit[]): Promise<string[]>
  /** Creates, moves or (null) deletes refs by full name in one step. */
  setRefs(refs: Readonly<Record<string, string | null>>): Promise<void>
  remove(): Promise<void>
}

const ENVIRONMENT = {
  PATH: process.env.PATH ?? '/usr/bin:/bin',
  LC_ALL: 'C',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
}

/** Makes an empty repository whose HEAD names `main`. */
export async function createTestRepository(): Promise<TestRepository> {
  const directory = await mkdtemp(join(tmpdir(), 'repertoire-repository-'))
  const git = (commandLine: readonly string[], input?: string | Uint8Array): Promise<string> =>
    runGit(directory, commandLine, input)
  await git(['init', '--quiet', '--bare', '--template=', '--initial-branch=main'])
  await git(['config', 'gc.auto', '0'])
  return {
    directory,
    url: `file://${directory}`,
    git,
    commit: (...commits) => importCommits(directory, git, commits),
    setRefs: async (refs) => {
      const lines = Object.entries(refs).map(([name, id]) => (id === null ? `delete ${name}\n` : `update ${name} ${id}\n`))
      await git(['update-ref', '--stdin'], lines.join(''))
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

async function runGit(directory: string, commandLine: readonly string[], input: string | Uint8Array = ''): Promise<string> {
  const child = Bun.spawn(['git', '-c', 'pack.threads=1', ...commandLine], {
    cwd: directory,
    env: ENVIRONMENT,
    stdin: Buffer.from(input),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`git ${commandLine.join(' ')}: ${errors}`)
  return output.trimEnd()
}

async function importCommits(directory: string, git: TestRepository['git'], commits: readonly TestCommit[]): Promise<string[]> {
  const marks = join(directory, 'marks')
  const stream: Uint8Array[] = commits.flatMap((commit, index) => toStream(commit, index))
  await git(['fast-import', '--quiet', '--force', `--export-marks=${marks}`], Buffer.concat(stream))
  const lines = (await readFile(marks, 'utf8')).trim().split('\n')
  const ids = new Map(lines.map((line) => [Number(line.slice(1).split(' ')[0]), line.split(' ')[1] ?? '']))
  await git(['update-ref', '--stdin'], commits.map((_, index) => `delete refs/build/${index}\n`).join(''))
  return commits.map((_, index) => ids.get(index + 1) ?? '')
}

function toStream(commit: TestCommit, index: number): Uint8Array[] {
  const committedAt = commit.committedAt ?? 1_700_000_000
  const head = [
    `commit refs/build/${index}`,
    `mark :${index + 1}`,
    `author A U Thor <author@example.org> ${commit.authoredAt ?? committedAt} +0000`,
    `committer C O Mitter <committer@example.org> ${committedAt} +0000`,
    `data ${Buffer.byteLength(commit.message ?? '')}`,
    commit.message ?? '',
    ...(commit.parent === undefined ? [] : [`from ${commit.parent}`, 'deleteall']),
  ]
  return [
    Buffer.from(`${head.join('\n')}\n`),
    ...Object.entries(commit.files).flatMap(([path, file]) => fileStream(path, file)),
    Buffer.from('\n'),
  ]
}

function fileStream(path: string, file: TestFile): Uint8Array[] {
  const { mode, data } = typeof file === 'string' || file instanceof Uint8Array ? { mode: '100644', data: file } : file
  const bytes = Buffer.from(data)
  if (mode === '160000') return [Buffer.from(`M 160000 ${bytes.toString()} ${JSON.stringify(path)}\n`)]
  return [Buffer.from(`M ${mode} inline ${JSON.stringify(path)}\ndata ${bytes.length}\n`), bytes, Buffer.from('\n')]
}

interface FixtureRef {
  kind: 'tag' | 'branch'
  name: string
  commit: string
  committed_at?: string
  authored_at?: string
  manifest: string | null
  annotated?: boolean
  mode?: string
  object_type?: 'tree' | 'blob'
}

interface Fixture {
  default_branch: string | null
  head?: string
  refs: FixtureRef[]
  manifests: Record<string, string | { base64: string }>
}

/** A rebuilt fixture: `commits` leads from the commit id in the file to the one in the repository. */
export interface RebuiltFixture {
  repository: TestRepository
  commits: ReadonlyMap<string, string>
}

/** Rebuilds a repository from a fixture file of refs and manifests, by the rules in the fixtures' README. */
export async function rebuildFixture(file: string): Promise<RebuiltFixture> {
  const fixture = JSON.parse(await readFile(file, 'utf8')) as Fixture
  const repository = await createTestRepository()
  const distinct = new Map(fixture.refs.map((ref) => [ref.commit, ref]))
  const built = await repository.commit(...[...distinct.values()].map((ref) => toCommit(fixture, ref)))
  const commits = new Map([...distinct.keys()].map((commit, index) => [commit, built[index] ?? '']))
  const lines: string[] = []
  for (const ref of fixture.refs) {
    const target = await toTarget(repository, ref, commits.get(ref.commit) ?? '')
    lines.push(`create refs/${ref.kind === 'tag' ? 'tags' : 'heads'}/${ref.name} ${target}\n`)
  }
  await repository.git(['update-ref', '--stdin'], lines.join(''))
  if (fixture.default_branch !== null) await repository.git(['symbolic-ref', 'HEAD', `refs/heads/${fixture.default_branch}`])
  else if (fixture.head !== undefined) await repository.git(['update-ref', '--no-deref', 'HEAD', commits.get(fixture.head) ?? ''])
  return { repository, commits }
}

function toCommit(fixture: Fixture, ref: FixtureRef): TestCommit {
  const committedAt = Date.parse(ref.committed_at ?? '2023-11-14T22:13:20Z') / 1000
  const dates = { committedAt, authoredAt: ref.authored_at === undefined ? committedAt : Date.parse(ref.authored_at) / 1000 }
  if (ref.mode === '160000')
    return { files: { 'composer.json': { mode: '160000', data: '0123456789012345678901234567890123456789' } }, ...dates }
  const manifest = ref.manifest === null ? undefined : fixture.manifests[ref.manifest]
  if (manifest === undefined && ref.mode !== '040000') return { files: { 'other.txt': 'nothing\n' }, ...dates }
  const data =
    manifest === undefined || typeof manifest === 'string' ? (manifest ?? '{}') : Buffer.from(manifest.base64, 'base64')
  if (ref.mode === '040000') return { files: { 'composer.json/inner.json': data }, ...dates }
  return { files: { 'composer.json': { mode: ref.mode ?? '100644', data } }, ...dates }
}

async function toTarget(repository: TestRepository, ref: FixtureRef, commit: string): Promise<string> {
  let type = 'commit'
  let target = commit
  if (ref.object_type === 'tree') target = await repository.git(['rev-parse', `${commit}^{tree}`])
  if (ref.object_type === 'blob') target = await repository.git(['hash-object', '-w', '--stdin'], 'a blob\n')
  type = ref.object_type ?? type
  if (ref.annotated !== true) return target
  const tag = `object ${target}\ntype ${type}\ntag ${ref.name}\ntagger T Agger <tagger@example.org> 1700000000 +0000\n\nannotated\n`
  return repository.git(['mktag', '--no-strict'], tag)
}
