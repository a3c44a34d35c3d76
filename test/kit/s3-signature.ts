/** The other side of Signature Version 4: checks what a client signed, in the header or in the query. */
import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** What the store answers to a request that it refuses. */
export class Refused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(code)
    this.status = status
    this.code = code
  }
}

/** The only credentials that the store knows, and its only bucket. */
export const S3_CREDENTIALS = {
  bucket: 'archives',
  region: 'eu-test-1',
  accessKeyId: 'AKIATESTTESTTEST',
  secretAccessKey: 'test/secret+access=key-of-the-object-store',
}

/** Signature Version 4 as the documentation of Amazon S3 defines it. Throws `Refused` with the code that S3 would answer. */
export function requireSignature(incoming: IncomingMessage, body: Buffer): void {
  const url = new URL(incoming.url ?? '/', 'http://store')
  const isPresigned = url.searchParams.has('X-Amz-Signature')
  if (isPresigned && incoming.headers.authorization !== undefined) {
    throw new Refused(400, 'InvalidArgument')
  }
  const given = isPresigned ? readPresigned(url.searchParams) : readAuthorization(incoming)
  if (incoming.headers['x-amz-security-token'] !== undefined || url.searchParams.has('X-Amz-Security-Token')) {
    throw new Refused(403, 'InvalidToken')
  }
  const [accessKeyId, day, region, service, ending] = given.credential.split('/')
  if (accessKeyId !== S3_CREDENTIALS.accessKeyId) {
    throw new Refused(403, 'InvalidAccessKeyId')
  }
  if (region !== S3_CREDENTIALS.region || service !== 's3' || ending !== 'aws4_request' || !given.date.startsWith(day ?? '-')) {
    throw new Refused(400, 'AuthorizationHeaderMalformed')
  }
  requireTimely(given)
  const digest = createHash('sha256').update(body).digest('hex')
  const payload = isPresigned ? 'UNSIGNED-PAYLOAD' : String(incoming.headers['x-amz-content-sha256'])
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== digest) {
    throw new Refused(400, 'XAmzContentSHA256Mismatch')
  }
  if (!given.signedHeaders.includes('host')) {
    throw new Refused(403, 'AccessDenied')
  }
  const canonical = [
    incoming.method,
    url.pathname,
    canonicalQuery(incoming.url ?? '/'),
    ...given.signedHeaders.map(
      (name) =>
        `${name}:${String(incoming.headers[name] ?? '')
          .trim()
          .replaceAll(/ +/g, ' ')}`,
    ),
    '',
    given.signedHeaders.join(';'),
    payload,
  ].join('\n')
  const toSign = [
    'AWS4-HMAC-SHA256',
    given.date,
    `${day}/${region}/s3/aws4_request`,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  let key: Buffer = Buffer.from(`AWS4${S3_CREDENTIALS.secretAccessKey}`)
  for (const part of [day ?? '', region, 's3', 'aws4_request', toSign]) {
    key = createHmac('sha256', key).update(part).digest()
  }
  if (key.toString('hex') !== given.signature) {
    throw new Refused(403, 'SignatureDoesNotMatch')
  }
}

interface GivenSignature {
  credential: string
  date: string
  signedHeaders: string[]
  signature: string
  /** Seconds. */
  validity: number
}

function readPresigned(query: URLSearchParams): GivenSignature {
  return {
    credential: query.get('X-Amz-Credential') ?? '',
    date: query.get('X-Amz-Date') ?? '',
    signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    validity: Number(query.get('X-Amz-Expires')),
  }
}

function readAuthorization(incoming: IncomingMessage): GivenSignature {
  const [, credential = '', names = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      incoming.headers.authorization ?? '',
    ) ?? []
  if (signature === '') {
    throw new Refused(403, 'AccessDenied')
  }
  return {
    credential,
    date: String(incoming.headers['x-amz-date'] ?? ''),
    signedHeaders: names.split(';'),
    signature,
    validity: 15 * 60,
  }
}

function requireTimely({ date, validity }: GivenSignature): void {
  const text = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z')
  const age = (Date.now() - Date.parse(text)) / 1000
  if (!(age > -15 * 60 && age <= validity)) {
    throw new Refused(403, 'AccessDenied')
  }
}

/** As it was sent, in order and without the signature itself. */
function canonicalQuery(target: string): string {
  const [, query = ''] = target.split('?')
  return query
    .split('&')
    .filter((pair) => pair !== '' && !pair.startsWith('X-Amz-Signature='))
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .toSorted()
    .join('&')
}
