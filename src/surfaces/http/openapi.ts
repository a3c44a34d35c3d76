import { z } from 'zod'
import type { Operation } from './operation.ts'
import type { Route } from './route.ts'

type Json = Record<string, unknown>

/** The OpenAPI 3.1 document of those routes that describe themselves, made from the same schemas that check requests. */
export function renderOpenApi(routes: readonly Route[], { version, baseUrl }: { version: string; baseUrl: string }): Json {
  const paths: Record<string, Json> = {}
  for (const { method, path, operation } of routes) {
    if (operation !== undefined) {
      const template = toTemplate(path)
      paths[template] = { ...paths[template], [method.toLowerCase()]: renderOperation(path, operation) }
    }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Repertoire', version, description: 'The management APIs of this registry.' },
    servers: [{ url: baseUrl }],
    security: [{ bearer: [] }, { basic: [] }],
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic', description: 'Any user name, the token as password.' },
      },
    },
    paths,
  }
}

/** `/a/:b/:c{.+}` as OpenAPI writes it. */
function toTemplate(path: string): string {
  return path.replaceAll(/:(\w+)(?:\{[^/]*\})?/g, '{$1}')
}

function renderOperation(path: string, operation: Operation): Json {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => name)
  const refusals = Object.entries(operation.refusals).map(([status, description]) => [status, { description }] as const)
  const { status, body } = operation.answer
  return {
    tags: [operation.tag],
    summary: operation.summary,
    ...(operation.scope === undefined ? {} : { description: `Needs the scope \`${operation.scope}\`.` }),
    parameters: [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...(operation.query ?? []).map(({ name, description }) => ({ name, description, in: 'query', schema: { type: 'string' } })),
    ],
    ...(operation.body === undefined ? {} : { requestBody: { content: toContent(operation.body) } }),
    responses: { [status]: { description: 'Done.', content: toContent(body) }, ...Object.fromEntries(refusals) },
  }
}

function toContent(schema: z.ZodType): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return { 'application/json': { schema: rest } }
}
