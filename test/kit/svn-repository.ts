/** Real Subversion repositories in temporary directories. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** A file's text, or a symbolic link. */
export type SvnTestFile = string | { link: string }

/** A repository with the standard layout. */
export interface SvnTestRepository {
  directory: string
  /** `file://` URL. */
  url: string
  /** Runs `svn` in the working copy of the whole repository. */
  svn(...line: readonly string[]): Promise<string>
  /** Writes files below a path of the repository and commits them in one revision. Returns its number. */
  commit(files: Readonly<Record<string, SvnTestFile>>): Promise<number>
  /** Copies a path of the repository to another in one revision, such as `trunk` to `tags/1.0`. */
  copy(from: string, to: string): Promise<void>
  /** Applies `svnmucc` actions in one revision. */
  mucc(...actions: readonly string[]): Promise<void>
  remove(): Promise<void>
}

/** Makes a repository with empty `trunk`, `branches` and `tags`, or with nothing. */
export async function createSvnRepository(
  folders: readonly string[] = ['trunk', 'branches', 'tags'],
): Promise<SvnTestRepository> {
  const place = await mkdtemp(join(tmpdir(), 'repertoire-svn-'))
  const directory = join(place, 'repository')
  const copy = join(place, 'copy')
  const url = `file://${directory}`
  await runTool(place, ['svnadmin', 'create', directory])
  if (folders.length > 0) {
    await runTool(place, ['svn', 'mkdir', '-q', '-m', 'layout', ...folders.map((folder) => `${url}/${folder}`)])
  }
  const svn = (...line: readonly string[]): Promise<string> => runTool(copy, ['svn', '--non-interactive', ...line])
  await runTool(place, ['svn', 'checkout', '-q', url, copy])
  return {
    directory,
    url,
    svn,
    commit: async (files) => {
      await svn('update', '-q')
      for (const [path, file] of Object.entries(files)) {
        const target = join(copy, path)
        await mkdir(dirname(target), { recursive: true })
        if (typeof file === 'string') await writeFile(target, file)
        else await symlink(file.link, target)
        await svn('add', '-q', '--force', '--parents', `${path}@`)
      }
      await svn('commit', '-q', '-m', 'change')
      await svn('update', '-q')
      return Number((await svn('info', '--show-item', 'revision')).trim())
    },
    copy: async (from, to) => void (await svn('copy', '-q', '-m', 'copy', `${url}/${from}`, `${url}/${to}`)),
    mucc: async (...actions) => void (await runTool(place, ['svnmucc', '-m', 'change', '-U', url, ...actions])),
    remove: () => rm(place, { recursive: true, force: true }),
  }
}

/** Runs a program with a neutral environment; throws with what it printed when it fails. */
export async function runTool(cwd: string, line: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = Bun.spawn([...line], {
    cwd,
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      LC_ALL: 'C.UTF-8',
      HOME: '/nonexistent',
      HGRCPATH: '',
      HGUSER: 'a',
      ...env,
    },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [output, errors] = await Promise.all([child.stdout.text(), child.stderr.text()])
  if ((await child.exited) !== 0) throw new Error(`${line.join(' ')} failed: ${errors}`)
  return output
}
