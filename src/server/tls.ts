import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Config } from '../config.ts'

/** A file of TLS cannot be used; the message names the setting and the reason. */
export class TlsUnusable extends Error {
  constructor(setting: string, problem: string) {
    super(`${setting}: ${problem}`)
    this.name = 'TlsUnusable'
  }
}

/** What a listener takes for TLS. With it clients may speak HTTP/2. */
export interface TlsOfListener {
  http2: true
  tls: { cert: string; key: string; ca?: string; requestCert?: true; rejectUnauthorized?: true }
}

/** Reads the files and checks that they fit each other. Null without TLS. Throws `TlsUnusable`. */
export function readTls(files: Config['tls']): TlsOfListener | null {
  if (files === null) {
    return null
  }
  const cert = readPem('REPERTOIRE_TLS_CERT', files.cert)
  const key = readPem('REPERTOIRE_TLS_KEY', files.key)
  const certificate = attempt('REPERTOIRE_TLS_CERT', () => new X509Certificate(cert))
  const privateKey = attempt('REPERTOIRE_TLS_KEY', () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new TlsUnusable('REPERTOIRE_TLS_KEY', 'this is not the key of the certificate')
  }
  if (files.clientCa === null) {
    return { http2: true, tls: { cert, key } }
  }
  const ca = readPem('REPERTOIRE_TLS_CLIENT_CA', files.clientCa)
  attempt('REPERTOIRE_TLS_CLIENT_CA', () => new X509Certificate(ca))
  return { http2: true, tls: { cert, key, ca, requestCert: true, rejectUnauthorized: true } }
}

function readPem(setting: string, path: string): string {
  return attempt(setting, () => readFileSync(path, 'utf8'))
}

function attempt<Result>(setting: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw new TlsUnusable(setting, error instanceof Error ? error.message : String(error))
  }
}
