/** Real Mercurial repositories in temporary directories. */
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { runTool } from './svn-repository.ts'

/** A file's text or bytes, an executable, or a symbolic link. */
export type HgTestFile = string | Uint8Array | { link: string } | { program: string }

/** A repository with its working copy. */
export interface HgTestRepository {
  directory: string
  /** `file://` URL. */
  url: string
  hg(...line: readonly string[]): Promise<string>
  /** Writes files and commits them on the branch that is checked out. Returns the changeset id. */
  commit(files: Readonly<Record<string, HgTestFile>>): Promise<string>
  remove(): Promise<void>
}

export async function createHgRepository(): Promise<HgTestRepository> {
  const directory = await mkdtemp(join(tmpdir(), 'repertoire-hg-'))
  const hg = (...line: readonly string[]): Promise<string> => runTool(directory, ['hg', ...line])
  await hg('init')
  return {
    directory,
    url: `file://${directory}`,
    hg,
    commit: async (files) => {
      for (const [path, file] of Object.entries(files)) {
        const target = join(directory, path)
        await mkdir(dirname(target), { recursive: true })
        await rm(target, { force: true })
        if (typeof file === 'string' || file instanceof Uint8Array) await writeFile(target, file)
        else if ('link' in file) await symlink(file.link, target)
        else {
          await writeFile(target, file.program)
          await chmod(target, 0o755)
        }
      }
      await hg('commit', '--addremove', '-q', '-m', 'change', '-d', '1700000000 0')
      return (await hg('log', '-r', '.', '-T', '{node}')).trim()
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}
