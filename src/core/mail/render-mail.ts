import { toInertText } from './inert-text.ts'

/** A paragraph: plain text, a list of lines, or a link below the public address of the installation. */
export type MailParagraph = string | { list: readonly string[] } | { link: string; path: string }

/** What a mail says. Texts may be of foreign origin; they are made inert and escaped when the mail is rendered. */
export interface MailText {
  subject: string
  paragraphs: readonly MailParagraph[]
}

/** A mail without its recipient. */
export interface RenderedMail {
  subject: string
  text: string
  html: string
}

const SUBJECT_LENGTH = 150
const PARAGRAPH_LENGTH = 2_000
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/**
 * The mail as plain text and as simple HTML with the same content. Links are made from the configured public address alone, never from a
 * request, so that nobody can turn them to another host; without that address the mail says which page to open.
 */
export function renderMail(mail: MailText, publicUrl: string | null): RenderedMail {
  const signature = publicUrl === null ? 'Sent by Repertoire.' : `Sent by Repertoire at ${publicUrl}.`
  const blocks = [...mail.paragraphs.map((paragraph) => renderParagraph(paragraph, publicUrl)), toPlain(signature)]
  return {
    subject: toInertText(mail.subject, SUBJECT_LENGTH),
    text: `${blocks.map(({ text }) => text).join('\n\n')}\n`,
    html: `<!doctype html>\n<html><body style="font-family: sans-serif">\n${blocks.map(({ html }) => html).join('\n')}\n</body></html>\n`,
  }
}

function renderParagraph(paragraph: MailParagraph, publicUrl: string | null): { text: string; html: string } {
  if (typeof paragraph === 'string') {
    return toPlain(paragraph)
  }
  if ('list' in paragraph) {
    const lines = paragraph.list.map((line) => toInertText(line, PARAGRAPH_LENGTH))
    return {
      text: lines.map((line) => `- ${line}`).join('\n'),
      html: `<ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`,
    }
  }
  const label = toInertText(paragraph.link, PARAGRAPH_LENGTH)
  if (publicUrl === null) {
    return toPlain(`${label}: open ${paragraph.path} at the address of your Repertoire; its operator has not configured it.`)
  }
  const url = `${publicUrl}${paragraph.path}`
  return { text: `${label}:\n${url}`, html: `<p><a href="${escapeHtml(url)}">${escapeHtml(label)}</a></p>` }
}

function toPlain(paragraph: string): { text: string; html: string } {
  const text = toInertText(paragraph, PARAGRAPH_LENGTH)
  return { text, html: `<p>${escapeHtml(text)}</p>` }
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
