/** Certificates of an authority of the test's own, made by openssl. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files of a certificate and its key. */
export interface Certificate {
  cert: string
  key: string
}

export interface Authority {
  /** File of its own certificate. */
  readonly ca: string
  /** The text of that file. */
  readonly caText: string
  /** A certificate for this name, and for the loopback address. */
  issue(name: string): Promise<Certificate>
}

/** Creates an authority in a folder of its own below `directory`. */
export async function createAuthority(directory: string, name: string): Promise<Authority> {
  const folder = join(directory, `authority-${name}`)
  mkdirSync(folder, { recursive: true })
  const own = { cert: join(folder, 'ca.crt'), key: join(folder, 'ca.key') }
  await openssl('req', '-x509', ...NEW_KEY, '-keyout', own.key, '-out', own.cert, '-days', '2', '-subj', `/CN=${name}`)
  return {
    ca: own.cert,
    caText: readFileSync(own.cert, 'utf8'),
    async issue(subject) {
      const files = { cert: join(folder, `${subject}.crt`), key: join(folder, `${subject}.key`) }
      const request = join(folder, `${subject}.csr`)
      const extensions = join(folder, `${subject}.ext`)
      writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
      await openssl('req', ...NEW_KEY, '-keyout', files.key, '-out', request, '-subj', `/CN=${subject}`)
      const signing = ['-CA', own.cert, '-CAkey', own.key, '-CAcreateserial', '-extfile', extensions]
      await openssl('x509', '-req', '-in', request, ...signing, '-out', files.cert, '-days', '2')
      return files
    },
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'] as const

async function openssl(...line: readonly string[]): Promise<void> {
  const child = Bun.spawn(['openssl', ...line], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
  const [problem, code] = await Promise.all([child.stderr.text(), child.exited])
  if (code !== 0) {
    throw new Error(`openssl ${line.join(' ')} ended with ${code}:\n${problem}`)
  }
}
