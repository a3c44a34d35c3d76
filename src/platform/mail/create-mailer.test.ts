import { afterEach, expect, test } from 'bun:test'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { scratchDirectory } from '../../../test/kit/database.ts'
import type { Mail } from '../../core/kernel/ports.ts'
import { recordingLog, type LogEntry } from '../../../test/races/queue-kit.ts'
import { createMailer } from './create-mailer.ts'

const MAIL: Mail = {
  id: '0190-abc',
  to: 'jane@example.org',
  subject: 'Grüße',
  text: 'Hello\n',
  html: '<p>Hello</p>\n',
}

interface Taken {
  from: string
  to: string[]
  secure: boolean
  user: string | undefined
  source: string
}

const ends: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) {
    await end()
  }
})

async function startServer(options: SMTPServerOptions = {}): Promise<{ port: number; taken: Taken[] }> {
  const taken: Taken[] = []
  const server = new SMTPServer({
    disableReverseLookup: true,
    onAuth: ({ username, password }, _, callback) =>
      username === 'user' && password === 'p@ss word' ? callback(null, { user: 'user' }) : callback(new Error('no')),
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const from = session.envelope.mailFrom
        taken.push({
          from: from === false ? '' : from.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          secure: session.secure,
          user: session.user,
          source: Buffer.concat(chunks).toString('utf8'),
        })
        callback(null)
      })
    },
    ...options,
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve())
  })
  ends.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { port: (server.server.address() as AddressInfo).port, taken }
}

function mailerOf(transport: string, log: LogEntry[] = [], lines: string[] = [], redacted: string[] = []) {
  return createMailer({
    transport,
    from: 'Repertoire <repertoire@example.org>',
    log: recordingLog(log),
    redact: (secret) => void redacted.push(secret),
    write: (line) => void lines.push(line),
  })
}

test('SMTP upgrades to TLS, signs in and hands the mail over with both parts', async () => {
  const { port, taken } = await startServer()
  const redacted: string[] = []

  await mailerOf(`smtp://user:p%40ss%20word@127.0.0.1:${port}`, [], [], redacted).send(MAIL)

  expect(taken).toMatchObject([{ from: 'repertoire@example.org', to: ['jane@example.org'], secure: true, user: 'user' }])
  expect(taken[0]!.source).toContain('Message-ID: <0190-abc@repertoire>')
  expect(taken[0]!.source).toContain('Auto-Submitted: auto-generated')
  expect(taken[0]!.source).toContain('Content-Type: text/plain')
  expect(taken[0]!.source).toContain('Content-Type: text/html')
  expect(redacted).toEqual(['p@ss word'])
})

test('a wrong login may be repaired, so the mail is tried again', async () => {
  const { port } = await startServer()

  await expect(mailerOf(`smtp://user:wrong@127.0.0.1:${port}`).send(MAIL)).rejects.toMatchObject({ code: 'mail_unavailable' })
})

test('a recipient that the server refuses for good is final, one that it refuses for now is not', async () => {
  const answers = [550, 451]
  const { port } = await startServer({
    authOptional: true,
    onRcptTo: (_, __, callback) => callback(Object.assign(new Error('no\u001b[31m mailbox'), { responseCode: answers.shift() })),
  })
  const mailer = mailerOf(`smtp://127.0.0.1:${port}`)

  const refused = await mailer.send(MAIL).catch((error: unknown) => error)
  expect(refused).toMatchObject({ code: 'mail_refused' })
  expect((refused as Error).message).not.toContain('\u001b')
  await expect(mailer.send(MAIL)).rejects.toMatchObject({ code: 'mail_unavailable' })
})

test('a server that is away or hangs up is tried again', async () => {
  await expect(mailerOf('smtp://127.0.0.1:1').send(MAIL)).rejects.toMatchObject({ code: 'mail_unavailable' })
  const { port } = await startServer({ onConnect: (_, callback) => callback(new Error('busy')) })
  await expect(mailerOf(`smtp://127.0.0.1:${port}`).send(MAIL)).rejects.toMatchObject({ code: 'mail_unavailable' })
})

test('elsewhere than on loopback nothing is sent without TLS', async () => {
  const { port, taken } = await startServer({ authOptional: true, hideSTARTTLS: true, disabledCommands: ['STARTTLS'] })

  // This address is none of loopback, but leads there.
  await expect(mailerOf(`smtp://0.0.0.0:${port}`).send(MAIL)).rejects.toMatchObject({ code: 'mail_unavailable' })
  expect(taken).toEqual([])
  await mailerOf(`smtp://0.0.0.0:${port}?tls=off`).send(MAIL)
  expect(taken).toHaveLength(1)
})

test('files are private, whole, one for each mail, and free of leftovers', async () => {
  const directory = scratchDirectory('mail')
  ends.push(() => rmSync(directory, { recursive: true, force: true }))
  const folder = join(directory, 'out')
  mkdirSync(folder)
  writeFileSync(join(folder, '.0190-abc.partial'), 'half')

  const mailer = mailerOf(`file:${folder}`)
  await mailer.send(MAIL)
  await mailer.send(MAIL)

  expect(readdirSync(folder)).toEqual(['0190-abc.eml'])
  expect(statSync(join(folder, '0190-abc.eml')).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(folder, '0190-abc.eml'), 'utf8')).toContain('To: jane@example.org')
})

test('a folder that cannot be written is tried again', async () => {
  const directory = scratchDirectory('mail')
  ends.push(() => rmSync(directory, { recursive: true, force: true }))
  writeFileSync(join(directory, 'file'), '')

  await expect(mailerOf(`file:${join(directory, 'file', 'below')}`).send(MAIL)).rejects.toMatchObject({
    code: 'mail_unavailable',
  })
})

test('the console shows the text and logs no more than recipient and subject', async () => {
  const log: LogEntry[] = []
  const lines: string[] = []

  await mailerOf('console', log, lines).send(MAIL)

  expect(lines).toEqual(['Hello\n\n'])
  expect(JSON.stringify(log)).toContain('jane@example.org')
  expect(JSON.stringify(log)).not.toContain('Hello')
})
