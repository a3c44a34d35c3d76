import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { getOrganizationByPath } from '../../core/organizations/index.ts'
import { listArtifacts, removeArtifact, uploadArtifact, type Artifact } from '../../core/sources/index.ts'
import { usageFailure } from '../failure.ts'
import { toInert } from '../inert.ts'
import { limitOption } from '../options.ts'
import type { Run } from '../program.ts'
import { readAll } from '../read-all.ts'
import type { Session } from '../session.ts'
import { formatTable } from '../table.ts'
import { toMoment, toTimestamp } from '../texts.ts'

const UPLOAD_HELP = `
The archive is a zip, tar, tar.gz or tar.bz2 with composer.json at its top, or in its only top directory. Name and version are
read from composer.json.

Examples:
  $ repertoire artifact upload acme widgets-1.2.0.zip
  $ repertoire artifact upload acme build/widgets.tar.gz --package-version 1.2.0`

/** `repertoire artifact …` */
export function addArtifactCommands(program: Command, run: Run): void {
  const commands = program.command('artifact').description('artifacts: uploaded archives that are published as they are')
  commands
    .command('upload')
    .description('publish an archive as a version')
    .argument('<org>', 'slug of the organization')
    .argument('<file>', 'the archive')
    .option('--package <name>', 'refuse the archive unless it is of this package')
    .option('--package-version <version>', 'its version, if composer.json has none; else both must be the same')
    .option('--replace', 'replace the version if it has other content; the old archive stays for lock files')
    .option('--sha256 <digest>', 'refuse the archive unless it has this SHA-256')
    .addHelpText('after', UPLOAD_HELP)
    .action(run(upload))
  commands
    .command('list')
    .description('list what was uploaded, oldest first')
    .argument('<org>', 'slug of the organization')
    .option('--package <name>', 'only of this package')
    .addOption(limitOption())
    .addHelpText('after', '\nExample:\n  $ repertoire artifact list acme --package acme/widgets')
    .action(run(list))
  commands
    .command('remove')
    .description('hide an uploaded version; its archive stays for lock files')
    .argument('<org>', 'slug of the organization')
    .argument('<name>', 'name of the package')
    .argument('<version>', 'the version')
    .addHelpText('after', '\nExample:\n  $ repertoire artifact remove acme acme/widgets 1.2.0')
    .action(run(remove))
}

interface UploadOptions {
  package?: string
  packageVersion?: string
  replace?: boolean
  sha256?: string
}

const OUTCOMES = {
  published: 'Published',
  replaced: 'Replaced',
  restored: 'Restored',
  unchanged: 'Already published, with the same content:',
} as const

async function upload(session: Session, slug: string, path: string, options: UploadOptions): Promise<void> {
  await requireFile(path)
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const { artifact, outcome, problems } = await uploadArtifact(ctx, {
    organization: id,
    content: Bun.file(path).stream(),
    fileName: basename(path),
    expected: { name: options.package ?? null, version: options.packageVersion ?? null },
    onExisting: options.replace === true ? 'replace' : 'refuse',
    sha256: options.sha256 ?? null,
  })
  for (const problem of problems) {
    session.note(`composer.json: ${toInert(problem)}`)
  }
  session.show({ ...presentArtifact(artifact), outcome, problems }, () =>
    toInert(`${OUTCOMES[outcome]} ${artifact.packageName} ${artifact.version} (${artifact.reference}).`),
  )
}

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => null)
  if (found === null || !found.isFile()) {
    throw usageFailure(`There is no file ${toInert(path)}.`)
  }
}

async function list(session: Session, slug: string, options: { package?: string; limit?: number }): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  const name = options.package ?? null
  const artifacts = await readAll(options.limit, (page) => listArtifacts(ctx, { organization: id, name, page }))
  session.show(artifacts.map(presentArtifact), () =>
    artifacts.length === 0
      ? `Nothing was uploaded. Upload an archive with: repertoire artifact upload ${slug} <file>`
      : formatTable(
          ['PACKAGE', 'VERSION', 'STATE', 'UPLOADED', 'BYTES', 'FILE'],
          artifacts.map((one) => [
            one.packageName,
            one.version,
            one.state,
            toMoment(one.createdAt),
            String(one.size),
            one.fileName,
          ]),
          session.tableWidth,
        ),
  )
}

async function remove(session: Session, slug: string, name: string, version: string): Promise<void> {
  const ctx = await session.ctx()
  const { id } = await getOrganizationByPath(ctx, slug)
  await removeArtifact(ctx, { organization: id, name, version })
  session.show({ package: name.toLowerCase(), version, removed: true }, () =>
    toInert(`Removed ${name.toLowerCase()} ${version}. Upload the same file again to bring it back.`),
  )
}

function presentArtifact(artifact: Artifact) {
  return {
    uid: artifact.uid,
    package: artifact.packageName,
    version: artifact.version,
    normalized: artifact.normalized,
    state: artifact.state,
    fileName: artifact.fileName,
    format: artifact.format,
    size: artifact.size,
    sha1: artifact.reference,
    sha256: artifact.sha256,
    uploadedAt: toTimestamp(artifact.createdAt),
  }
}
