/**
 * Writes docs/operate/configure.md from the settings in src/config.ts, or with `--check` fails when the page is stale. Reads
 * TypeScript, so it runs on Bun: `node_modules/.bin/bun tools/generate-docs.mjs`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listSettings } from '../src/config.ts'

const path = join(import.meta.dirname, '../docs/operate/configure.md')

const head = `# Configure

Repertoire is configured by environment variables. All have defaults: a first start needs none. An empty variable counts as not
set. A variable that begins with \`REPERTOIRE_\` and is not in this table is an error, so that a misspelt setting is noticed.
\`repertoire doctor\` checks the settings and the machine, and says what to do.

This page is generated from the program; \`node_modules/.bin/bun tools/generate-docs.mjs\` writes it anew.

| Variable | Default | Meaning |
| --- | --- | --- |
`

const tail = `
Flags are \`true\` or \`false\` (also \`1\`, \`0\`, \`yes\`, \`no\`). Lists are separated by commas or spaces.

Set \`REPERTOIRE_URL\` before others use the registry: without it, each answer uses the address of its request, and the command
line can only guess it. Behind a reverse proxy also set \`REPERTOIRE_TRUSTED_PROXIES\`.

The key that encrypts stored credentials is created on the first start as \`secret.key\` in the data folder, readable by its
owner only. Keep a copy of it apart from the database; without it stored credentials cannot be used, and the server does not start.
`

const rows = listSettings().map(({ name, description, fallback }) => {
  const shown = fallback === '' ? '' : `\`${fallback}\``
  return `| \`${name}\` | ${shown} | ${description.replaceAll('|', '\\|')} |`
})
const page = `${head}${rows.join('\n')}\n${tail}`

if (process.argv.includes('--check')) {
  const isFresh = readFileSync(path, 'utf8') === page
  console.log(isFresh ? `${path} is up to date.` : `${path} is stale; run node_modules/.bin/bun tools/generate-docs.mjs`)
  process.exitCode = isFresh ? 0 : 1
} else {
  writeFileSync(path, page)
}
