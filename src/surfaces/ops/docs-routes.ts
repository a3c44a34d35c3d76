import { escapeHtml, htmlPage } from '../http/html.ts'
import { renderOpenApi } from '../http/openapi.ts'
import type { Operation } from '../http/operation.ts'
import type { Call, Route } from '../http/route.ts'

/** What the documentation is made of. `routes` is asked for when somebody reads, because these routes are among them. */
export interface DocsParts {
  routes(): readonly Route[]
  version: string
}

/** `/docs`: the API for people; `/docs/openapi.json`: for machines. Public, because they say nothing about what is stored here. */
export function docsRoutes(parts: DocsParts): Route[] {
  const surface = 'docs'
  return [
    { method: 'GET', path: '/docs', surface, clauses: [], handle: () => page(parts.routes()) },
    { method: 'GET', path: '/docs/openapi.json', surface, clauses: [], handle: (call) => document(call, parts) },
  ]
}

function document({ baseUrl }: Call, parts: DocsParts): Response {
  return Response.json(renderOpenApi(parts.routes(), { version: parts.version, baseUrl }), {
    headers: { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' },
  })
}

function page(routes: readonly Route[]): Response {
  const described = routes.flatMap((route) => (route.operation === undefined ? [] : [{ route, operation: route.operation }]))
  const byTag = Map.groupBy(described, ({ operation }) => operation.tag)
  const sections = [...byTag].map(
    ([tag, members]) => `<h2>${escapeHtml(tag)}</h2>${members.map(({ route, operation }) => section(route, operation)).join('')}`,
  )
  const intro = '<p>For machines: <a href="/docs/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>'
  return htmlPage('The API of this registry', `${intro}${sections.join('')}`)
}

function section({ method, path }: Route, { summary, scope, query = [], answer, refusals }: Operation): string {
  const facts = [
    ...(scope === undefined ? [] : [`scope <code>${escapeHtml(scope)}</code>`]),
    ...query.map(({ name, description }) => `<code>?${escapeHtml(name)}=</code> ${escapeHtml(description)}`),
    `${answer.status} when done`,
    ...Object.entries(refusals).map(([status, text]) => `${status}: ${escapeHtml(text)}`),
  ]
  const address = `${method} ${path.replaceAll(/:(\w+)(?:\{[^/]*\})?/g, '{$1}')}`
  return `<h3>${escapeHtml(summary)}</h3><pre>${escapeHtml(address)}</pre><ul>${facts.map((fact) => `<li>${fact}</li>`).join('')}</ul>`
}
