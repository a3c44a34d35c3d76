import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../config.ts'
import type { Ctx } from '../../core/kernel/ctx.ts'
import { isDomainError } from '../../core/kernel/errors.ts'
import { fine, problem, warning, type Finding } from './check.ts'

const ADVICE =
  'Check the settings REPERTOIRE_S3_…, and that the key may list, read, write and delete; see docs/operate/storage.md.'

/** Whether archives can be stored, read and removed in the object store, if there is one; what is stored for it is removed again. */
export async function checkStorage(ctx: Ctx, { objectStore, dataDirectory }: Config): Promise<Finding[]> {
  if (objectStore === null) {
    return []
  }
  const findings = [await tryOut(ctx, objectStore.bucket)]
  if (existsSync(join(dataDirectory, 'blobs', 'objects'))) {
    findings.push(
      warning(
        'storage',
        'The data folder has archives from before the object store was set; they are not used.',
        'Copy blobs/objects into the bucket, below the prefix, and remove it; see docs/operate/storage.md.',
      ),
    )
  }
  return findings
}

async function tryOut(ctx: Ctx, bucket: string): Promise<Finding> {
  const { blobs } = ctx
  try {
    const { sha256 } = await blobs.put(textOf(`Repertoire tries out its storage: ${ctx.newId()}`))
    const state = await blobs.verify(sha256)
    await Array.fromAsync(takeOne(blobs.list()))
    await blobs.remove(sha256)
    return state === 'intact'
      ? fine('storage', `The bucket ${bucket} can be written, read and listed.`)
      : problem('storage', `What was stored in the bucket ${bucket} is ${state} afterwards.`, ADVICE)
  } catch (error) {
    if (!isDomainError(error, 'storage_unavailable')) {
      throw error
    }
    return problem('storage', `The bucket ${bucket} cannot be used: ${String(error.details['problem'])}.`, ADVICE)
  }
}

async function* textOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

async function* takeOne<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  for await (const item of items) {
    yield item
    return
  }
}
