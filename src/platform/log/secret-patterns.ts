/** Texts that are taken for secrets by their look alone. `$1` is what stays. Each takes linear time. */
const PATTERNS: readonly { pattern: RegExp; replacement: string }[] = [
  // A header, as a line or as a member of an object: the value may have a scheme in front, which is not secret.
  {
    pattern: /(authorization["']?\s{0,3}[:=]\s{0,3}["']?(?:(?:basic|bearer|token|digest|negotiate)\s+)?)[^\s"',][^"'\r\n]*/gi,
    replacement: '$1[redacted]',
  },
  // A digit or sign is asked for, because "basic authentication" is no secret.
  {
    pattern: /\b((?:basic|bearer)\s{1,3})(?=[A-Za-z.~-]*[0-9+/=_])[A-Za-z0-9+/=._~-]{12,}/gi,
    replacement: '$1[redacted]',
  },
  // The user may be a token as well; `git@`, which every ssh address has, is none.
  { pattern: /(:\/\/)(?!git@)[^\s/"]*@/g, replacement: '$1[redacted]@' },
  {
    pattern:
      /([?&](?:access_token|private_token|job_token|token|password|secret|signature|x-amz-signature|x-amz-security-token)=)[^&\s"'#]+/gi,
    replacement: '$1[redacted]',
  },
  { pattern: /(?<![A-Za-z0-9])(rpt_)\w[\w-]{5,}/g, replacement: '$1[redacted]' },
  { pattern: /(?<![A-Za-z0-9])(gh[pousr]_|github_pat_|glpat-)[\w-]{16,}/g, replacement: '$1[redacted]' },
  {
    pattern: /(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g,
    replacement: '$1[redacted]',
  },
]

/** Field names whose text values are secrets wherever they appear. */
const SECRET_FIELD = /(?:authorization|cookie|password|passphrase|secret|token|api[-_]?key|private[-_]?key)$/i

/** Masks header values, user information in URLs, signed query values, tokens by their prefix, and private keys. */
export function maskPatterns(text: string): string {
  let masked = text
  for (const { pattern, replacement } of PATTERNS) masked = masked.replaceAll(pattern, replacement)
  return masked
}

/** Whether a field of this name holds a secret by its name alone. */
export function isSecretField(name: string): boolean {
  return SECRET_FIELD.test(name)
}
