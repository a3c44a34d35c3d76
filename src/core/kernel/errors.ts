/** What sort of failure an error is; surfaces map it to their own status. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'gone'
  | 'too_large'
  | 'limited'
  | 'unavailable'
  | 'upstream'

/**
 * Every expected failure: its kind and its message for people. `{name}` places are filled from the
 * error's details, so a message never contains anything that the details do not.
 */
export const ERROR_CATALOGUE = {
  invalid_input: { kind: 'invalid', message: '{field}: {problem}' },
  invalid_url: { kind: 'invalid', message: 'The URL is not acceptable ({rule}): {problem}' },
  unauthenticated: { kind: 'unauthenticated', message: 'A valid token is required.' },
  forbidden: { kind: 'forbidden', message: 'This credential may not {action}.' },
  scope_missing: { kind: 'forbidden', message: 'This token lacks the scope "{scope}".' },
  scope_exceeds_own: { kind: 'forbidden', message: "Token cannot grant the '{scope}' scope it does not itself hold." },
  foreign_organization: { kind: 'forbidden', message: 'This token cannot access this organization.' },
  not_member: { kind: 'forbidden', message: 'Only members of this organization may do this.' },
  user_required: { kind: 'forbidden', message: 'This needs a person or a personal token.' },
  address_refused: { kind: 'forbidden', message: 'This token may not be used from the address {address}.' },
  organization_not_found: { kind: 'not_found', message: 'There is no such organization.' },
  package_not_found: { kind: 'not_found', message: 'There is no such package.' },
  version_not_found: { kind: 'not_found', message: 'There is no such version.' },
  dist_not_found: { kind: 'not_found', message: 'There is no archive for this reference.' },
  mirror_not_found: { kind: 'not_found', message: 'There is no such mirror.' },
  mirror_exists: { kind: 'conflict', message: 'A mirror of {url} exists already.' },
  mirror_disabled: { kind: 'conflict', message: 'The mirror {name} is disabled.' },
  mirror_has_packages: {
    kind: 'conflict',
    message: 'The mirror {name} has {packages} packages, which would be gone; disable it to keep them, or say that they go, too.',
  },
  incident_not_found: { kind: 'not_found', message: 'There is no such open incident.' },
  package_reserved: {
    kind: 'not_found',
    message: '{name} is not looked up upstream, because {pattern} is reserved for private packages here.',
  },
  package_blocked: { kind: 'gone', message: '{name} {version} is not handed out: the list "{list}" names it{reason}.' },
  upstream_failed: { kind: 'upstream', message: 'The upstream repository gave no usable answer: {problem}' },
  upstream_paused: { kind: 'unavailable', message: '{origin} did not answer lately and is left alone for {seconds} seconds.' },
  advisory_not_found: { kind: 'not_found', message: 'There is no such advisory.' },
  advisory_exists: { kind: 'conflict', message: 'An advisory {advisory} exists already.' },
  finding_not_found: { kind: 'not_found', message: 'There is no such finding.' },
  filter_entry_not_found: { kind: 'not_found', message: 'There is no such entry.' },
  message_not_found: { kind: 'not_found', message: 'There is no such message.' },
  source_not_found: { kind: 'not_found', message: 'There is no such source.' },
  hook_not_found: { kind: 'not_found', message: 'This source has no hook yet.' },
  hook_refused: { kind: 'forbidden', message: 'The delivery was refused ({reason}).' },
  token_not_found: { kind: 'not_found', message: 'There is no such token.' },
  job_not_found: { kind: 'not_found', message: 'There is no such job.' },
  sign_in_required: { kind: 'unauthenticated', message: 'Sign in first.' },
  sign_in_refused: { kind: 'unauthenticated', message: 'The e-mail address and the password do not belong together.' },
  sign_in_expired: { kind: 'unauthenticated', message: 'This sign-in took too long; begin again.' },
  second_factor_refused: { kind: 'unauthenticated', message: 'The code is not right, or it was used already.' },
  confirmation_required: { kind: 'forbidden', message: 'Confirm with your password that it is you.' },
  password_refused: { kind: 'forbidden', message: 'The password is not right.' },
  cross_site_refused: { kind: 'forbidden', message: 'This request did not come from a page of this registry ({rule}).' },
  link_not_valid: { kind: 'gone', message: 'This link was used already, has expired, or was mistyped.' },
  user_not_found: { kind: 'not_found', message: 'There is no such user.' },
  session_not_found: { kind: 'not_found', message: 'There is no such session.' },
  factor_not_found: { kind: 'not_found', message: 'There is no such second factor.' },
  factor_exists: { kind: 'conflict', message: 'This second factor is set up already.' },
  passkey_refused: { kind: 'invalid', message: 'The passkey could not be verified.' },
  passkeys_unavailable: { kind: 'conflict', message: 'Passkeys need a host name; this registry is reached at {host}.' },
  sole_owner: { kind: 'conflict', message: 'This person is the only owner of {organizations}; give it another owner first.' },
  setup_not_open: { kind: 'gone', message: 'This installation is set up already, or the set-up link is not valid.' },
  slug_taken: { kind: 'conflict', message: 'An organization named "{slug}" exists already.' },
  member_not_found: { kind: 'not_found', message: 'There is no such member.' },
  already_member: { kind: 'conflict', message: 'This person is a member already.' },
  owner_protected: { kind: 'forbidden', message: 'Only an owner may change who is owner.' },
  last_owner: { kind: 'conflict', message: 'This is the only owner; an organization needs one. Make somebody else owner first.' },
  team_not_found: { kind: 'not_found', message: 'There is no such team.' },
  team_exists: { kind: 'conflict', message: 'A team named "{name}" exists already.' },
  already_invited: { kind: 'conflict', message: 'This address was invited already; renew or cancel that invitation.' },
  invitation_not_found: { kind: 'not_found', message: 'There is no such invitation.' },
  invitation_closed: { kind: 'gone', message: 'This invitation was used, cancelled or replaced, or it has expired.' },
  limit_reached: { kind: 'conflict', message: 'There may be at most {limit} {things}.' },
  email_taken: { kind: 'conflict', message: 'A user with this e-mail address exists already.' },
  source_exists: { kind: 'conflict', message: 'This organization has a source with this URL already.' },
  version_exists: {
    kind: 'conflict',
    message: 'Version {version} of {name} was published with other content; choose another version, or ask for a replacement.',
  },
  package_taken: { kind: 'conflict', message: 'The package {name} is published from another source.' },
  ref_not_found: { kind: 'not_found', message: 'The repository has no {kind} {name}.' },
  ref_refused: { kind: 'invalid', message: 'The {kind} {name} gives no version: {problem}.' },
  sync_pending: { kind: 'unavailable', message: 'The repository is still being read; try again later.' },
  sync_overtaken: {
    kind: 'conflict',
    message: 'Another sync of this source was recorded, or the source was removed, meanwhile.',
  },
  job_not_retryable: { kind: 'conflict', message: 'Only a failed job can be retried; this one is {state}.' },
  credential_origin: { kind: 'invalid', message: 'The credential belongs to {origin} and is not sent elsewhere.' },
  source_unreachable: { kind: 'upstream', message: 'The repository could not be reached: {problem}' },
  source_refused: { kind: 'upstream', message: 'The repository refused the credential: {problem}' },
  source_limited: { kind: 'unavailable', message: 'The host limits requests and is not asked before {until}.' },
  source_moved: { kind: 'upstream', message: 'The repository has moved to {location}; confirm by changing the URL.' },
  source_timeout: { kind: 'upstream', message: 'The repository stalled: {problem}' },
  source_too_large: { kind: 'too_large', message: 'The repository is over the limit of {limit}.' },
  source_replaced: {
    kind: 'conflict',
    message: 'The repository has no commit of the one that was read here before. If that is right, accept it.',
  },
  source_invalid: { kind: 'upstream', message: 'The repository could not be read: {problem}' },
  egress_blocked: { kind: 'forbidden', message: 'Connections to {host} are not allowed ({rule}).' },
  archive_too_large: { kind: 'too_large', message: 'The archive is over the limit of {limit}.' },
  archive_refused: { kind: 'invalid', message: 'The archive is not acceptable ({rule}): {problem}' },
  manifest_refused: { kind: 'invalid', message: 'The composer.json of the archive is not acceptable: {problem}' },
  definition_refused: { kind: 'invalid', message: 'The definition is not acceptable: {problems}' },
  archive_differs: {
    kind: 'upstream',
    message: 'The archive that arrived has the SHA-1 {found}, not {expected}; it is not used.',
  },
  upload_mismatch: {
    kind: 'invalid',
    message: 'The archive has the {field} {found}, but it was uploaded as {expected}.',
  },
  checksum_mismatch: {
    kind: 'invalid',
    message: 'The bytes that arrived have the SHA-256 {found}, not {expected}; nothing was stored.',
  },
  archive_failed: { kind: 'unavailable', message: 'The archive could not be built now; try again later.' },
  storage_unavailable: { kind: 'unavailable', message: 'Storage is unavailable: {problem}' },
  body_too_large: { kind: 'too_large', message: 'The request body is over {limit}.' },
  request_limited: { kind: 'limited', message: 'Too many requests; try again in {seconds} seconds.' },
  webhook_not_found: { kind: 'not_found', message: 'There is no such outgoing hook.' },
  delivery_not_found: { kind: 'not_found', message: 'There is no such delivery, or it is not kept any more.' },
  webhook_disabled: { kind: 'conflict', message: 'The outgoing hook is switched off: {reason}.' },
  mail_refused: { kind: 'upstream', message: 'The mail was refused: {problem}' },
  mail_unavailable: { kind: 'unavailable', message: 'The mail could not be handed over: {problem}' },
  shutting_down: { kind: 'unavailable', message: 'The server is shutting down.' },
} as const satisfies Record<string, { kind: ErrorKind; message: string }>

/** The stable code of an expected failure. */
export type ErrorCode = keyof typeof ERROR_CATALOGUE

/** Values for the places of an error's message; they may be shown to whoever caused the error. */
export type ErrorDetails = Readonly<Record<string, string | number>>

/** An expected failure. Everything else that is thrown is a bug. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    const entry = ERROR_CATALOGUE[code]
    super(
      entry.message.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? '')),
      cause === undefined ? undefined : { cause },
    )
    this.name = 'DomainError'
    this.code = code
    this.kind = entry.kind
    this.details = details
  }
}

/** The refusal of one input field, in words that name the field and the rule. */
export function invalidInput(field: string, problem: string): DomainError {
  return new DomainError('invalid_input', { field, problem })
}

/** Whether a thrown value is the expected failure of that code. */
export function isDomainError(error: unknown, code?: ErrorCode): error is DomainError {
  return error instanceof DomainError && (code === undefined || error.code === code)
}
