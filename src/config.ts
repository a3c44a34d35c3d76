import { resolve } from 'node:path'
import { z } from 'zod'
import type { RateLimit } from './core/kernel/ports.ts'

const MiB = 1024 * 1024

const Flag = z.enum(['true', 'false', '1', '0', 'yes', 'no']).transform((text) => ['true', '1', 'yes'].includes(text))
const List = z.string().transform((text) =>
  text
    .split(/[\s,]+/)
    .map((item) => item.trim())
    .filter((item) => item !== ''),
)
const Count = z.coerce.number().int().positive()
/** `1000/min`, or `off`. */
const RateRule = z
  .string()
  .regex(/^(?:off|[1-9]\d{0,8}\/(?:s|min|h))$/, 'must be "off" or a number of requests per s, min or h, such as 1000/min')
const PublicUrl = z
  .url({ protocol: /^https?$/ })
  .transform((text) => text.replace(/\/+$/, ''))
  .refine((text) => new URL(text).search === '' && new URL(text).username === '', 'must have neither credentials nor a query')

const S3Endpoint = z
  .url({ protocol: /^https?$/ })
  .refine((text) => isBareOrigin(new URL(text)), 'must have neither credentials nor a path nor a query')
  .transform((text) => new URL(text).origin)

function isBareOrigin(url: URL): boolean {
  return url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
}

const FeedUrl = z
  .string()
  .refine((text) => text === 'off' || isFeedUrl(text), 'must be an http or https URL without credentials, or "off"')

function isFeedUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
}

const MailTransport = z
  .string()
  .refine(
    (text) => text === 'console' || /^file:./.test(text) || isMailServer(text),
    'must be smtp://, smtps://, file: and a folder, or console',
  )

function isMailServer(text: string): boolean {
  const url = URL.parse(text)
  if (url === null || url.hostname === '' || !['smtp:', 'smtps:'].includes(url.protocol)) {
    return false
  }
  // Where no escape is meant, a percent sign must be written as %25.
  if (/%(?![0-9a-f]{2})/i.test(url.username + url.password)) {
    return false
  }
  return ['', ...(url.protocol === 'smtp:' ? ['?tls=off'] : [])].includes(url.search) && ['', '/'].includes(url.pathname)
}

/**
 * Every setting with its meaning. The environment variable is the key; docs/operate/configure.md is generated from this table.
 */
const SETTINGS = {
  REPERTOIRE_DATA: z.string().default('./data').describe('Folder for the embedded database, archives, mirrors and the key.'),
  REPERTOIRE_URL: PublicUrl.optional().describe(
    'Public base URL, such as https://packages.example.com. Without it the Host header of each request is used.',
  ),
  REPERTOIRE_HOST: z.string().default('0.0.0.0').describe('Address to listen on.'),
  REPERTOIRE_PORT: z.coerce.number().int().min(0).max(65535).default(8080).describe('Port to listen on.'),
  REPERTOIRE_TLS_CERT: z
    .string()
    .optional()
    .describe(
      'File with the certificate and those between it and its authority (PEM), to speak TLS and HTTP/2 without a proxy. SIGHUP reads it anew.',
    ),
  REPERTOIRE_TLS_KEY: z.string().optional().describe('File with the private key of the certificate (PEM).'),
  REPERTOIRE_TLS_CLIENT_CA: z
    .string()
    .optional()
    .describe(
      'File with the authorities (PEM) whose certificates clients must show, besides their tokens. Without it none is asked for.',
    ),
  REPERTOIRE_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL')
    .optional()
    .describe('PostgreSQL 14 or newer; without it the embedded SQLite database in the data folder is used.'),
  REPERTOIRE_DATABASE_CONNECTIONS: Count.default(10).describe('Connections that each process may open to PostgreSQL.'),
  REPERTOIRE_S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket')
    .optional()
    .describe('Bucket of an S3-compatible object store for archives; without it they are in the data folder.'),
  REPERTOIRE_S3_ENDPOINT: S3Endpoint.optional().describe(
    'Address of the object store, such as https://minio.example.com. Without it Amazon S3 in the region.',
  ),
  REPERTOIRE_S3_REGION: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,40}$/, 'must be the name of a region')
    .default('us-east-1')
    .describe('Region of the bucket.'),
  REPERTOIRE_S3_ACCESS_KEY_ID: z.string().optional().describe('Access key for the bucket.'),
  REPERTOIRE_S3_SECRET_ACCESS_KEY: z.string().optional().describe('Secret of the access key.'),
  REPERTOIRE_S3_PREFIX: z
    .string()
    .regex(/^(?!.*\/\/)[A-Za-z0-9_-][A-Za-z0-9._/-]{0,200}$/, 'must be letters, digits and ._/- only')
    .transform((text) => text.replace(/\/?$/, '/'))
    .optional()
    .describe('Folder within the bucket.'),
  REPERTOIRE_S3_PATH_STYLE: Flag.default(true).describe(
    'The bucket is in the path of addresses. With `false` it is the first label of the host.',
  ),
  REPERTOIRE_S3_REDIRECTS: Flag.default(true).describe(
    'Send clients to the object store for archives. With `false` archives pass through the server.',
  ),
  REPERTOIRE_S3_REDIRECT_SECONDS: z.coerce
    .number()
    .int()
    .min(60)
    .max(86_400)
    .default(1800)
    .describe('How long the address of an archive in the object store is good, in seconds.'),
  REPERTOIRE_SECRET_KEY: z
    .string()
    .optional()
    .describe(
      'Key that encrypts stored credentials: 32 bytes in hex or base64. Without it `secret.key` in the data folder is used.',
    ),
  REPERTOIRE_TRUSTED_PROXIES: List.default([]).describe(
    'Addresses or CIDR ranges of reverse proxies whose X-Forwarded-* headers are believed.',
  ),
  REPERTOIRE_ALLOW_PRIVATE_HOSTS: List.default([]).describe(
    'Hosts, addresses or CIDR ranges on private networks that sources may be fetched from and hooks delivered to.',
  ),
  REPERTOIRE_ALLOW_FILE_SOURCES: Flag.default(false).describe('Allow sources with file:// URLs on this machine.'),
  REPERTOIRE_ALLOW_HTTP_SOURCES: Flag.default(false).describe('Allow sources and outgoing hooks with unencrypted http:// URLs.'),
  REPERTOIRE_ADVISORY_FEED: FeedUrl.default('https://packagist.org/api/security-advisories/').describe(
    'Security advisories API that the installation asks every four hours, in the form of packagist.org; `off` to ask none.',
  ),
  REPERTOIRE_MALWARE_FEED: FeedUrl.default('off').describe(
    'Summary of a malware list that counts for all mirrored packages, besides those of the mirrored repositories themselves; `off` for none.',
  ),
  REPERTOIRE_MAIL: MailTransport.optional().describe(
    'How mails are sent: smtp://user:password@host:587, smtps://…:465, file:/some/folder, or console. Without it none are.',
  ),
  REPERTOIRE_MAIL_FROM: z
    .string()
    .regex(
      /^(?:[^<>@\p{Cc}]{1,100} <[^\s@<>\p{Cc}]+@[^\s@<>\p{Cc}]+>|[^\s@<>\p{Cc}]+@[^\s@<>\p{Cc}]+)$/u,
      'must be an address, or a name and an address in <>',
    )
    .optional()
    .describe('Sender of mails, such as Repertoire <packages@example.com>.'),
  REPERTOIRE_METRICS_TOKEN: z.string().min(16).optional().describe('Bearer token for /metrics from elsewhere than loopback.'),
  REPERTOIRE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Least level that is logged.'),
  REPERTOIRE_LOG_FORMAT: z.enum(['text', 'json']).default('text').describe('Form of log lines.'),
  REPERTOIRE_WORKERS: Count.default(4).describe('Background jobs that a worker runs at once.'),
  REPERTOIRE_DRAIN_SECONDS: Count.default(25).describe('Seconds that running requests and jobs get to end after SIGTERM.'),
  REPERTOIRE_CACHE_MB: Count.default(128).describe('Memory for rendered metadata and small archives, in MiB.'),
  REPERTOIRE_MANIFEST_KB: Count.default(1024).describe('Largest composer.json that is read, in KiB.'),
  REPERTOIRE_SOURCE_REFS: Count.default(200_000).describe('Branches and tags that one source may have.'),
  REPERTOIRE_SOURCE_MB: Count.default(4096).describe('Size of one mirror on disk, in MiB.'),
  REPERTOIRE_SOURCE_OBJECTS: Count.default(10_000_000).describe('Objects that one fetch may bring.'),
  REPERTOIRE_SOURCE_STALL_SECONDS: Count.default(60).describe('Seconds that a transfer may stand still.'),
  REPERTOIRE_SOURCE_MINUTES: Count.default(60).describe('Minutes that one fetch may take.'),
  REPERTOIRE_ARCHIVE_MB: Count.default(1024).describe('Size of all files of one archive before compression, in MiB.'),
  REPERTOIRE_ARCHIVE_FILES: Count.default(200_000).describe('Files of one archive.'),
  REPERTOIRE_GITLAB_API: Flag.default(true).describe(
    "Whether GitLab's API answers below /api/v4; false makes every request there 404.",
  ),
  REPERTOIRE_DIST_ENABLED: Flag.default(true).describe(
    'Build archives of repositories. With `false` metadata names the repositories only, and clients need access to clone them.',
  ),
  REPERTOIRE_DIST_KEEP_RELEASES: z.coerce
    .number()
    .int()
    .min(0)
    .default(0)
    .describe('Releases of each package whose built archives are kept; older ones are built again when asked for. 0 keeps all.'),
  REPERTOIRE_LIMIT_API: RateRule.default('1000/min').describe(
    'Requests that one credential, or one address without a credential, may make to the management APIs; `off` for no limit.',
  ),
  REPERTOIRE_LIMIT_DOWNLOADS: RateRule.default('100/min').describe(
    'Downloads of one package that one token may make at the addresses below /org; `off` for no limit.',
  ),
  REPERTOIRE_LIMIT_COMPOSER: RateRule.default('off').describe(
    'Requests that one credential may make to the Composer repository. Composer ends an install at the first refusal, so think twice.',
  ),
  REPERTOIRE_LIMIT_FAILURES: RateRule.default('300/min').describe(
    'Requests without a valid credential that one address may make before they are refused unheard; valid ones always pass.',
  ),
  REPERTOIRE_AUDIT_DAYS: Count.default(400).describe('Days that events are kept for the audit log.'),
  REPERTOIRE_STATISTICS_DAYS: Count.default(400).describe(
    'Days that downloads are kept day by day; older ones are added up by month and kept.',
  ),
} as const

const WINDOWS: Readonly<Record<string, number>> = { s: 1000, min: 60_000, h: 3_600_000 }

function parseRate(text: string): RateLimit | null {
  const [count = '', unit = ''] = text.split('/')
  return text === 'off' ? null : { limit: Number(count), window: WINDOWS[unit] ?? 60_000 }
}

const Environment = z.object(SETTINGS).superRefine((env, context) => {
  const report = (name: keyof typeof SETTINGS, message: string) => context.addIssue({ code: 'custom', path: [name], message })
  if ((env.REPERTOIRE_TLS_CERT === undefined) !== (env.REPERTOIRE_TLS_KEY === undefined)) {
    report('REPERTOIRE_TLS_KEY', 'must be set exactly when REPERTOIRE_TLS_CERT is')
  }
  if (env.REPERTOIRE_TLS_CLIENT_CA !== undefined && env.REPERTOIRE_TLS_CERT === undefined) {
    report('REPERTOIRE_TLS_CERT', 'must be set, because REPERTOIRE_TLS_CLIENT_CA is')
  }
  if (env.REPERTOIRE_TLS_CERT !== undefined && env.REPERTOIRE_URL?.startsWith('https:') !== true) {
    report('REPERTOIRE_URL', 'must be set to an https address, because REPERTOIRE_TLS_CERT is set')
  }
  if (env.REPERTOIRE_S3_BUCKET === undefined) {
    if (env.REPERTOIRE_S3_ENDPOINT !== undefined || env.REPERTOIRE_S3_ACCESS_KEY_ID !== undefined) {
      report('REPERTOIRE_S3_BUCKET', 'must be set, because other settings of an object store are')
    }
    return
  }
  for (const name of ['REPERTOIRE_S3_ACCESS_KEY_ID', 'REPERTOIRE_S3_SECRET_ACCESS_KEY'] as const) {
    if (env[name] === undefined) {
      report(name, 'must be set, because REPERTOIRE_S3_BUCKET is')
    }
  }
  const isEncrypted = env.REPERTOIRE_S3_ENDPOINT?.startsWith('https:') ?? true
  if (env.REPERTOIRE_S3_REDIRECTS && !isEncrypted && env.REPERTOIRE_URL?.startsWith('https:') === true) {
    // CO-064; Composer would refuse to follow.
    report('REPERTOIRE_S3_ENDPOINT', 'must be https, because clients are sent there; or set REPERTOIRE_S3_REDIRECTS=false')
  }
})

/** The configuration of one process, validated and frozen. */
export type Config = ReturnType<typeof toConfig>

/** The environment does not describe a configuration; the message names every faulty variable. */
export class InvalidConfig extends Error {
  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'InvalidConfig'
  }
}

/** Reads the configuration from environment variables. Empty ones count as unset. Throws `InvalidConfig`. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(SETTINGS).flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
  )
  const parsed = Environment.safeParse(given)
  const unknown = Object.keys(environment).filter((name) => /^REPERTOIRE_(?!TEST_|INTERNAL_)/.test(name) && !(name in SETTINGS))
  const problems = unknown.map((name) => `${name} is not a setting`)
  problems.push(...listForeignTokens(environment))
  if (!parsed.success) {
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
  }
  if (!parsed.success || problems.length > 0) {
    throw new InvalidConfig(problems)
  }
  return Object.freeze(toConfig(parsed.data))
}

/** The runtime sends these to the object store with whatever access key it is given, and they are not of that key. */
function listForeignTokens(environment: Readonly<Record<string, string | undefined>>): string[] {
  const names = environment['REPERTOIRE_S3_BUCKET'] ? ['AWS_SESSION_TOKEN', 'S3_SESSION_TOKEN'] : []
  return names
    .filter((name) => environment[name])
    .map((name) => `${name} must not be set, because it would be sent with REPERTOIRE_S3_ACCESS_KEY_ID`)
}

/** The settings with their meanings and defaults, for the documentation and `repertoire doctor`. */
export function listSettings(): { name: string; description: string; fallback: string }[] {
  return Object.entries(SETTINGS).map(([name, schema]) => {
    const parsed = schema.safeParse(undefined)
    return {
      name,
      description: schema.description ?? '',
      fallback: parsed.success && parsed.data !== undefined ? String(parsed.data) : '',
    }
  })
}

/** The files of TLS, or null when a proxy does it. */
function toTls(env: z.output<typeof Environment>) {
  const { REPERTOIRE_TLS_CERT: cert, REPERTOIRE_TLS_KEY: key, REPERTOIRE_TLS_CLIENT_CA: clientCa } = env
  return cert === undefined || key === undefined ? null : { cert, key, clientCa: clientCa ?? null }
}

function defaultSender(publicUrl: string | undefined): string {
  return `Repertoire <repertoire@${publicUrl === undefined ? 'localhost' : new URL(publicUrl).hostname}>`
}

/** Where archives are kept instead of the data folder, or null. */
function toObjectStore(env: z.output<typeof Environment>) {
  if (env.REPERTOIRE_S3_BUCKET === undefined) {
    return null
  }
  return {
    bucket: env.REPERTOIRE_S3_BUCKET,
    endpoint: env.REPERTOIRE_S3_ENDPOINT ?? null,
    region: env.REPERTOIRE_S3_REGION,
    accessKeyId: env.REPERTOIRE_S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: env.REPERTOIRE_S3_SECRET_ACCESS_KEY ?? '',
    pathStyle: env.REPERTOIRE_S3_PATH_STYLE,
    prefix: env.REPERTOIRE_S3_PREFIX ?? '',
    redirectSeconds: env.REPERTOIRE_S3_REDIRECTS ? env.REPERTOIRE_S3_REDIRECT_SECONDS : null,
  }
}

function toConfig(env: z.output<typeof Environment>) {
  return {
    dataDirectory: resolve(env.REPERTOIRE_DATA),
    publicUrl: env.REPERTOIRE_URL ?? null,
    host: env.REPERTOIRE_HOST,
    port: env.REPERTOIRE_PORT,
    tls: toTls(env),
    databaseUrl: env.REPERTOIRE_DATABASE_URL ?? null,
    databaseConnections: env.REPERTOIRE_DATABASE_CONNECTIONS,
    objectStore: toObjectStore(env),
    secretKey: env.REPERTOIRE_SECRET_KEY ?? null,
    trustedProxies: env.REPERTOIRE_TRUSTED_PROXIES,
    allowedHosts: env.REPERTOIRE_ALLOW_PRIVATE_HOSTS,
    gitlabApi: env.REPERTOIRE_GITLAB_API,
    sourceUrls: { allowFile: env.REPERTOIRE_ALLOW_FILE_SOURCES, allowHttp: env.REPERTOIRE_ALLOW_HTTP_SOURCES },
    malwareFeed: env.REPERTOIRE_MALWARE_FEED === 'off' ? null : env.REPERTOIRE_MALWARE_FEED,
    advisoryFeed: env.REPERTOIRE_ADVISORY_FEED === 'off' ? null : env.REPERTOIRE_ADVISORY_FEED,
    mail:
      env.REPERTOIRE_MAIL === undefined
        ? null
        : { transport: env.REPERTOIRE_MAIL, from: env.REPERTOIRE_MAIL_FROM ?? defaultSender(env.REPERTOIRE_URL) },
    metricsToken: env.REPERTOIRE_METRICS_TOKEN ?? null,
    logLevel: env.REPERTOIRE_LOG_LEVEL,
    logFormat: env.REPERTOIRE_LOG_FORMAT,
    workers: env.REPERTOIRE_WORKERS,
    drainTimeout: env.REPERTOIRE_DRAIN_SECONDS * 1000,
    cacheBytes: env.REPERTOIRE_CACHE_MB * MiB,
    rateLimits: {
      api: parseRate(env.REPERTOIRE_LIMIT_API),
      downloads: parseRate(env.REPERTOIRE_LIMIT_DOWNLOADS),
      composer: parseRate(env.REPERTOIRE_LIMIT_COMPOSER),
      failures: parseRate(env.REPERTOIRE_LIMIT_FAILURES),
    },
    archives: { enabled: env.REPERTOIRE_DIST_ENABLED, keepReleases: env.REPERTOIRE_DIST_KEEP_RELEASES },
    retention: { auditDays: env.REPERTOIRE_AUDIT_DAYS, statisticsDays: env.REPERTOIRE_STATISTICS_DAYS },
    limits: {
      manifestBytes: env.REPERTOIRE_MANIFEST_KB * 1024,
      sourceRefs: env.REPERTOIRE_SOURCE_REFS,
      sourceBytes: env.REPERTOIRE_SOURCE_MB * MiB,
      sourceObjects: env.REPERTOIRE_SOURCE_OBJECTS,
      sourceStall: env.REPERTOIRE_SOURCE_STALL_SECONDS * 1000,
      sourceDuration: env.REPERTOIRE_SOURCE_MINUTES * 60_000,
      archiveBytes: env.REPERTOIRE_ARCHIVE_MB * MiB,
      archiveEntries: env.REPERTOIRE_ARCHIVE_FILES,
    },
  }
}
