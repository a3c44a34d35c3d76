/** Feeds as XML. Texts in them come from manifests: they are escaped, and what readers must not see, or would be misled by, is left out. */

/** One entry of a feed. Times are instants. */
export interface FeedEntry {
  id: string
  title: string
  link: string
  summary: string
  authors: readonly string[]
  at: number
}

/** A feed; `self` and `link` are its own address and that of what it is about. */
export interface Feed {
  title: string
  self: string
  link: string
  /** When something last changed, if there is an entry. */
  entries: readonly FeedEntry[]
}

/** Characters that XML 1.0 does not have, and those that turn the direction of writing. */
const UNWANTED =
  /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]|[\u007F-\u009F\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

const MAX_TEXT = 2_000

/** Text as it may stand in an element or a quoted attribute of XML. */
export function escapeXml(text: string): string {
  return text
    .slice(0, MAX_TEXT)
    .toWellFormed()
    .replaceAll(UNWANTED, '')
    .replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** The time of the newest entry; the beginning of time for an empty feed, so that its bytes stay the same. */
function newest({ entries }: Feed): number {
  return Math.max(0, ...entries.map(({ at }) => at))
}

/** RFC 4287. */
export function presentAtom(feed: Feed): string {
  const entries = feed.entries.map(
    ({ id, title, link, summary, authors, at }) => `  <entry>
    <id>${escapeXml(id)}</id>
    <title>${escapeXml(title)}</title>
    <updated>${new Date(at).toISOString()}</updated>
    <link rel="alternate" href="${escapeXml(link)}"/>
${(authors.length === 0 ? [''] : authors).map((name) => `    <author><name>${escapeXml(name)}</name></author>`).join('\n')}
    <summary>${escapeXml(summary)}</summary>
  </entry>
`,
  )
  return `<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <id>${escapeXml(feed.self)}</id>
  <title>${escapeXml(feed.title)}</title>
  <updated>${new Date(newest(feed)).toISOString()}</updated>
  <link rel="self" type="application/atom+xml" href="${escapeXml(feed.self)}"/>
  <link rel="alternate" href="${escapeXml(feed.link)}"/>
${entries.join('')}</feed>
`
}

/** RSS 2.0. */
export function presentRss(feed: Feed): string {
  const items = feed.entries.map(
    ({ id, title, link, summary, at }) => `    <item>
      <title>${escapeXml(title)}</title>
      <link>${escapeXml(link)}</link>
      <guid isPermaLink="false">${escapeXml(id)}</guid>
      <pubDate>${new Date(at).toUTCString()}</pubDate>
      <description>${escapeXml(summary)}</description>
    </item>
`,
  )
  return `<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">
  <channel>
    <title>${escapeXml(feed.title)}</title>
    <link>${escapeXml(feed.link)}</link>
    <description>${escapeXml(feed.title)}</description>
    <pubDate>${new Date(newest(feed)).toUTCString()}</pubDate>
    <atom:link rel="self" type="application/rss+xml" href="${escapeXml(feed.self)}"/>
${items.join('')}  </channel>
</rss>
`
}
