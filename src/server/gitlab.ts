import type { App } from '../compose.ts'
import { UnknownReferences } from '../core/catalog/index.ts'
import type { UsageBuffer } from '../core/statistics/index.ts'
import { GitlabSurface, rawPathOf } from '../surfaces/dialects/gitlab/index.ts'
import { bodySize, sendAnswer, type Answer } from '../surfaces/repository/answer.ts'
import type { DocumentStore } from '../surfaces/repository/document-store.ts'
import { toArchiveAnswer } from '../surfaces/repository/resolve-archive.ts'

export { rawPathOf, type GitlabSurface }

/** GitLab's API over an opened installation, with the documents and the archives of the repository. */
export function createGitlabSurface(app: App, documents: DocumentStore, usage: UsageBuffer): GitlabSurface {
  const { ports, config } = app
  return new GitlabSurface({
    isOn: config.gitlabApi,
    ctx: (actor, origin) => app.ctx(actor, origin),
    db: ports.database.read,
    stamp: () => ports.database.stamp(),
    clock: ports.clock,
    usage,
    documents,
    unknown: new UnknownReferences(),
    toArchiveAnswer,
    send: (request, answer) => sendAnswer(request, answer as Answer),
    sizeOf: ({ body }) => (body instanceof Uint8Array ? bodySize(body) : 0),
    cacheBytes: config.cacheBytes / 4,
    hasFixedUrl: config.publicUrl !== null,
  })
}
