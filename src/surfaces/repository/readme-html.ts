/**
 * READMEs as HTML that may stand in a page (CO-148, contract composer.md §7.7, abuse 45). Markdown becomes HTML, of which an allow-list of elements,
 * attributes and schemes is left; what is not on it goes, whatever it was meant to be. Parsing takes quadratic time for some texts, so whoever
 * calls bounds their size or watches the clock.
 */
import { Marked } from 'marked'
import sanitize from 'sanitize-html'
import { escapeHtml } from '../http/html.ts'

/** A README and what its relative links are resolved against; see `StoredReadme`. */
export interface ReadmeOrder {
  text: string
  path: string | null
  /** The repository as the registry fetches it, and the commit; null where links cannot be followed. */
  repository: string | null
  reference: string
}

const REL = 'nofollow noindex noopener external ugc'

const TAGS = [
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'p', 'br', 'hr', 'div', 'span', 'blockquote', 'pre', 'code', 'kbd', 'samp', 'var'],
  ...['ul', 'ol', 'li', 'dl', 'dt', 'dd', 'table', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td', 'caption'],
  ...['a', 'img', 'b', 'strong', 'i', 'em', 'del', 's', 'ins', 'sub', 'sup', 'small', 'q', 'abbr', 'details', 'summary'],
]

const MAX_DEPTH = 60

/** What is not shown, or turns the direction of what comes after it. */
const UNWANTED = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g

/** The HTML of a README; only what is on the list, without the heading that repeats the package's name. */
export function renderReadme(order: ReadmeOrder): string {
  const text = order.text.replaceAll(UNWANTED, '')
  if (!isMarkdown(order.path)) {
    return toPlain(text)
  }
  const html = new Marked({ gfm: true, async: false }).parse(text) as string
  const clean = sanitize(html, toOptions(order))
  return clean.replace(/^\s*<h([12])>[\s\S]*?<\/h\1>/, '').trim()
}

/** Text as it is, for what is no Markdown or cannot be read as such. */
export function toPlain(text: string): string {
  return `<pre>${escapeHtml(text)}</pre>`
}

/** Those that were stored before their names were noted are taken for Markdown, which nearly all are. */
function isMarkdown(path: string | null): boolean {
  return path === null || /\.(?:md|markdown)$/i.test(path)
}

function toOptions(order: ReadmeOrder): sanitize.IOptions {
  const bases = findBases(order)
  return {
    allowedTags: TAGS,
    allowedAttributes: {
      a: ['href', 'title', 'rel'],
      img: ['src', 'alt', 'title', 'width', 'height'],
      code: ['class'],
      ol: ['start'],
      th: ['align'],
      td: ['align'],
      abbr: ['title'],
      details: ['open'],
    },
    allowedClasses: { code: [/^language-[a-z0-9+#-]{1,30}$/i] },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowedSchemesByTag: { img: ['http', 'https'] },
    allowProtocolRelative: false,
    nestingLimit: MAX_DEPTH,
    transformTags: {
      a: (tagName, attributes) => {
        const href = resolve(attributes['href'], bases?.links ?? null)
        const { title } = attributes
        return {
          tagName,
          attribs: { ...(href === null ? {} : { href, rel: REL }), ...(title === undefined ? {} : { title }) },
        }
      },
      img: (tagName, { src, ...attributes }) => {
        const address = resolve(src, bases?.images ?? null)
        return { tagName, attribs: { ...attributes, ...(address === null ? {} : { src: address }) } }
      },
    },
    exclusiveFilter: ({ tag, attribs }) => tag === 'img' && attribs['src'] === undefined,
  }
}

/** Where a relative address leads, or null for one that leads nowhere a reader could follow. */
function resolve(address: string | undefined, base: string | null): string | null {
  const text = address?.replaceAll(/[\u0000-\u0020]/g, '') ?? ''
  if (text === '' || text.startsWith('//')) {
    return null
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) || text.startsWith('#')) {
    return text
  }
  return base !== null && URL.canParse(text.replace(/^\/+/, ''), base) ? new URL(text.replace(/^\/+/, ''), base).href : null
}

/** How hosts address a file of a commit, to be read and to be shown as an image. */
const HOSTS: Readonly<Record<string, (path: string, commit: string) => Bases>> = {
  'github.com': (path, commit) => ({
    links: `https://github.com/${path}/blob/${commit}/`,
    images: `https://raw.githubusercontent.com/${path}/${commit}/`,
  }),
  'gitlab.com': (path, commit) => ({
    links: `https://gitlab.com/${path}/-/blob/${commit}/`,
    images: `https://gitlab.com/${path}/-/raw/${commit}/`,
  }),
  'bitbucket.org': (path, commit) => ({
    links: `https://bitbucket.org/${path}/src/${commit}/`,
    images: `https://bitbucket.org/${path}/raw/${commit}/`,
  }),
  'codeberg.org': (path, commit) => ({
    links: `https://codeberg.org/${path}/src/commit/${commit}/`,
    images: `https://codeberg.org/${path}/raw/commit/${commit}/`,
  }),
}

interface Bases {
  links: string
  images: string
}

/** Of the hosts that everybody knows; where another one shows files, nobody can tell. */
function findBases({ repository, reference, path }: ReadmeOrder): Bases | null {
  const [, host = '', project = ''] =
    /^(?:https?:\/\/(?:[^@/]*@)?|ssh:\/\/[^@/]*@)([^/:]+)(?::\d+)?\/(.+?)(?:\.git)?\/?$/.exec(repository ?? '') ??
    /^[^@/]+@([^:/]+):(.+?)(?:\.git)?\/?$/.exec(repository ?? '') ??
    []
  const toBases = Object.hasOwn(HOSTS, host) ? HOSTS[host] : undefined
  if (toBases === undefined) {
    return null
  }
  const { links, images } = toBases(project, reference)
  const directory = path?.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
  return { links: `${links}${directory}`, images: `${images}${directory}` }
}
