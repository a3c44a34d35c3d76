import type { OrganizationId } from '../../../src/core/kernel/values.ts'
import type { TestApp } from '../../kit/app.ts'
import { buildArchiveOf, buildPackage, buildToken, commitId, packageIdOf, type BuildPackage } from '../../kit/build.ts'
import { createTestServer, type TestRequest, type WantedServer } from '../../kit/http.ts'

/** The bytes of the archive of `acme/http` 1.0.0. */
export const ZIP = new TextEncoder().encode('0123456789 these are the bytes of a zip')

/** The commit of `acme/http` 1.0.0. */
export const REFERENCE = commitId('acme/http 1.0.0')

/** A server with the organization `acme`, the package `acme/http` with its archive, and a token. */
export async function setUpAcme(versions: BuildPackage['versions'] = ['1.0.0', 'dev-main'], wanted: WantedServer = {}) {
  const server = await createTestServer(wanted)
  const { app } = server
  const { id: organization } = await app.organization()
  await buildPackage(app, { organization, versions })
  const target = await packageIdOf(app, organization)
  const blob = await buildArchiveOf(app, { package: target, reference: REFERENCE, bytes: ZIP })
  await buildPackage(app, { organization, versions, description: 'Described anew.' })
  const { secret: token, uid } = await buildToken(app, organization)
  return {
    ...server,
    app,
    organization,
    target,
    blob,
    token,
    uid,
    /** A GET with the token. */
    get: (path: string, headers: TestRequest['headers'] = {}) => server.send(path, { token, headers }),
  }
}

/** An organization below another one. */
export async function buildSuborganization(app: TestApp, parent: OrganizationId, slug: string): Promise<OrganizationId> {
  const { id } = await app.ports.database.write
    .insertInto('organizations')
    .values({
      uid: app.ports.newId(),
      slug,
      name: slug,
      parent_id: parent,
      description: null,
      deleted_at: null,
      revision: 1,
      modified_at: Math.floor(app.clock.now() / 1000),
      created_at: app.clock.now(),
    })
    .returning('id')
    .executeTakeFirstOrThrow()
  app.ports.database.touched()
  return id
}
