import type { Ctx } from '../kernel/ctx.ts'
import type { RenderedMail } from './render-mail.ts'

/** What the content of the mail with that uid is sealed for. */
export function contextOf(uid: string): string {
  return `mail:${uid}`
}

/** Opens what `composeMail` sealed. Throws when it was sealed with another key. */
export function openContent(ctx: Ctx, mail: { uid: string; content: string }): RenderedMail {
  return JSON.parse(ctx.secrets.decrypt(mail.content, contextOf(mail.uid))) as RenderedMail
}
