/** What others on the machine can see. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Collects the command lines of all processes of the machine while `work` runs. */
export async function recordCommandLines(work: () => Promise<void>): Promise<string> {
  const seen = new Set<string>()
  const sample = async (): Promise<void> => {
    for (const pid of await readdir('/proc')) {
      if (/^\d+$/.test(pid)) seen.add(await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''))
    }
  }
  let isDone = false
  const sampling = (async () => {
    while (!isDone) await sample()
  })()
  await work().finally(() => {
    isDone = true
  })
  await sampling
  return [...seen].join('\n')
}

/** The text of all files below a directory. */
export async function filesText(directory: string): Promise<string> {
  const names = [...new Bun.Glob('**/*').scanSync({ cwd: directory, dot: true })]
  return (await Promise.all(names.map((name) => readFile(join(directory, name), 'latin1')))).join('\n')
}
