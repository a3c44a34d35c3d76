import { getAudience, getVisibleReadme } from '../../core/catalog/index.ts'
import { escapeHtml } from '../http/html.ts'
import type { Call } from '../http/route.ts'
import type { ReadmeOrder } from './readme-html.ts'
import { pathOf } from './repository-path.ts'

/** Makes HTML of READMEs, in bounded time and memory whatever they are. */
export interface ReadmeRenderer {
  render(order: ReadmeOrder): Promise<string>
}

/** It shows text and images: nothing in it runs, asks, frames or is framed, and it has no origin. */
const POLICY =
  "default-src 'none'; img-src https: http:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-popups"

/** The README of a package as a page (CO-148). */
export async function readmePage({ ctx, params, request }: Call, renderer: ReadmeRenderer): Promise<Response> {
  const audience = await getAudience(ctx, pathOf(params))
  const { package: target, version, ...readme } = await getVisibleReadme(ctx, audience, `${params['vendor']}/${params['name']}`)
  const html = await renderer.render(readme)
  const title = escapeHtml(`${target.name} ${version}`)
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title></head><body>
${html}
</body></html>
`
  const etag = `"${new Bun.CryptoHasher('sha256').update(page).digest('hex').slice(0, 32)}"`
  const headers = {
    ETag: etag,
    'Cache-Control': 'private, no-cache',
    Vary: 'Authorization',
    'Content-Security-Policy': POLICY,
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
  return request.headers.get('if-none-match') === etag
    ? new Response(null, { status: 304, headers })
    : new Response(page, { headers: { ...headers, 'Content-Type': 'text/html; charset=utf-8' } })
}
