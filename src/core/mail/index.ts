export { toInertText } from './inert-text.ts'
export { composeMail, isMailConfigured, queueMail, type ComposedMail, type MailDraft } from './queue-mail.ts'
export type { MailParagraph, MailText } from './render-mail.ts'
export { purgeMails, sendMail } from './send-mail.ts'
