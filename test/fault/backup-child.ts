/**
 * The child process of `backup-crash.test.ts`: `create <data> <file> <kill>` or `restore <data> <file> <kill>`. It prints each step that it
 * reports, and kills itself at the report with the number `kill`, counted from 1; 0 lets it end.
 */
import { writeSync } from 'node:fs'
import type { OnProgress } from '../../src/backup/backup-documents.ts'
import { createBackup } from '../../src/backup/create-backup.ts'
import { restoreBackup } from '../../src/backup/restore-backup.ts'
import { crash } from './crash-point.ts'
import { configOf, openInstallation, operatorCtx } from './installation.ts'

void main()

async function main(): Promise<void> {
  const [order = '', data = '', path = '', kill = '0'] = process.argv.slice(2)
  let reports = 0
  const onProgress: OnProgress = ({ step }) => {
    reports += 1
    writeSync(1, `${step}\n`)
    if (reports === Number(kill)) {
      crash('killed')
    }
  }
  if (order === 'restore') {
    await restoreBackup(configOf(data), { path, tokens: 'keep', writeLog: (line) => writeSync(2, line), onProgress })
    return
  }
  const app = await openInstallation(configOf(data))
  await createBackup(app, operatorCtx(app), { path, withMirrors: true, withKey: true, onProgress })
  await app.close()
}
