/** Text as it may stand in HTML, in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}
pre{background:color-mix(in srgb,currentColor 8%,transparent);padding:1rem;overflow-x:auto;border-radius:.4rem}
label{display:block;margin:1rem 0 .25rem;font-weight:600}input{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}
button{font:inherit;margin-top:1.5rem;padding:.6rem 1.2rem}.problem{border-left:.25rem solid #c00;padding-left:1rem}`

const STYLE_HASH = new Bun.CryptoHasher('sha256').update(STYLE).digest('base64')

/**
 * A small page without scripts. `body` is HTML whose foreign parts were escaped. Never cached, never framed. Its address, which may
 * hold a secret, is told to no other origin; to its own it must be, because with `no-referrer` browsers send the form with
 * `Origin: null`.
 */
export function htmlPage(title: string, body: string, status = 200): Response {
  const page = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title>
<style>${STYLE}</style></head><body><main><h1>${escapeHtml(title)}</h1>
${body}
</main></body></html>
`
  return new Response(page, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      'Referrer-Policy': 'same-origin',
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Cache-Control': 'private, no-store',
    },
  })
}
