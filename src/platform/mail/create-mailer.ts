import { mkdir, open, rename, rm } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import type * as Nodemailer from 'nodemailer'
import type { Transporter } from 'nodemailer'
import { DomainError } from '../../core/kernel/errors.ts'
import type { Logger, Mail, Mailer } from '../../core/kernel/ports.ts'
import { toPrintable } from '../log/printable.ts'

const CONNECT_TIMEOUT = 10_000
const SILENCE_TIMEOUT = 30_000
const PROBLEM_LENGTH = 300

/** How mails leave: `smtp://`, `smtps://`, `file:` and a folder, or `console`; and whose name they bear. */
export interface MailSetup {
  transport: string
  from: string
  log: Logger
  /** Registers the password of the mail server for redaction. */
  redact(secret: string): void
  /** Where the console transport prints. */
  write(line: string): void
}

/** The mailer that `transport` names. Throws an `Error` when it names none. */
export function createMailer(setup: MailSetup): Mailer {
  if (setup.transport === 'console') {
    return createConsoleMailer(setup)
  }
  if (setup.transport.startsWith('file:')) {
    return createFileMailer(setup, setup.transport.slice('file:'.length))
  }
  return createSmtpMailer(setup, new URL(setup.transport))
}

/**
 * Mails over SMTP. The connection must be encrypted, by STARTTLS with smtp and from the start with smtps, and the server's certificate must
 * be good; except on loopback, and with smtp where `?tls=off` says so.
 */
function createSmtpMailer(setup: MailSetup, url: URL): Mailer {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isLocal = isLoopback(host)
  const isPlain = url.searchParams.get('tls') === 'off'
  const secure = url.protocol === 'smtps:'
  const password = decodeURIComponent(url.password)
  if (password !== '') {
    setup.redact(password)
  }
  const options = {
    host,
    port: url.port === '' ? defaultPort(secure) : Number(url.port),
    secure,
    requireTLS: !isLocal && !isPlain,
    ignoreTLS: isPlain,
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: !isLocal },
    ...(url.username === '' ? {} : { auth: { user: decodeURIComponent(url.username), pass: password } }),
    connectionTimeout: CONNECT_TIMEOUT,
    greetingTimeout: CONNECT_TIMEOUT,
    socketTimeout: SILENCE_TIMEOUT,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as const
  let opened: Promise<Transporter> | null = null
  return {
    async send(mail) {
      opened ??= openTransport((create) => create(options))
      const transport = await opened
      try {
        await transport.sendMail(toMessage(setup.from, mail))
      } catch (error) {
        throw toMailError(error)
      }
    },
  }
}

/** The library takes 20 MB, which threads that never send a mail do without. */
async function openTransport(open: (create: typeof Nodemailer.createTransport) => Transporter): Promise<Transporter> {
  const { createTransport } = await import('nodemailer')
  return open(createTransport)
}

function defaultPort(secure: boolean): number {
  return secure ? 465 : 587
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** One `.eml` file for each mail, readable by the owner alone; it appears whole or not at all, and once however often it is sent. */
function createFileMailer(setup: MailSetup, directory: string): Mailer {
  const options = { streamTransport: true, buffer: true, disableFileAccess: true, disableUrlAccess: true } as const
  let opened: Promise<Transporter> | null = null
  return {
    async send(mail) {
      opened ??= openTransport((create) => create(options))
      const bytes = await compose(await opened, toMessage(setup.from, mail))
      const name = mail.id.replaceAll(/[^a-z0-9-]/gi, '_')
      const temporary = join(directory, `.${name}.partial`)
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await writePrivately(temporary, bytes)
        await rename(temporary, join(directory, `${name}.eml`))
      } catch (error) {
        await rm(temporary, { force: true }).catch(() => undefined)
        throw new DomainError('mail_unavailable', { problem: `the folder ${directory} cannot be written` }, error)
      }
    },
  }
}

async function writePrivately(path: string, bytes: Uint8Array): Promise<void> {
  await rm(path, { force: true })
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function compose(composer: Transporter, message: object): Promise<Uint8Array> {
  const sent: { message?: unknown } = await composer.sendMail(message)
  return sent.message as Buffer
}

/** For development: who gets what goes to the log, the text is printed. */
function createConsoleMailer(setup: MailSetup): Mailer {
  return {
    async send(mail) {
      setup.log.info('A mail would be sent.', { mail: mail.id, recipient: mail.to, subject: mail.subject })
      setup.write(`${mail.text}\n`)
    },
  }
}

/** The address is given as an object: as text, a list or a name could be read out of it. */
function toMessage(from: string, mail: Mail): object {
  return {
    messageId: `<${mail.id}@repertoire>`,
    from,
    to: [{ name: '', address: mail.to }],
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    // RFC 3834: programs that answer mails shall not answer these.
    headers: { 'Auto-Submitted': 'auto-generated' },
  }
}

interface SmtpFailure {
  code?: unknown
  command?: unknown
  responseCode?: unknown
  message?: unknown
}

/** A 5xx about the recipient or the content is final (RFC 5321, 4.2.1); what is wrong with the server or the login can be repaired. */
function toMailError(error: unknown): DomainError {
  const { code, command, responseCode, message } = error as SmtpFailure
  const problem = toPrintable(typeof message === 'string' ? message : 'it failed').slice(0, PROBLEM_LENGTH)
  const isAboutMail = command === 'RCPT TO' || command === 'DATA' || code === 'EMESSAGE'
  const isFinal = code === 'EMESSAGE' || (typeof responseCode === 'number' && responseCode >= 500)
  return new DomainError(isAboutMail && isFinal ? 'mail_refused' : 'mail_unavailable', { problem }, error)
}
