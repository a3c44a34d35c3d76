import type { Proof } from '../../core/hooks/index.ts'

/** What the headers and the query of a delivery say, in the words of its provider. */
export interface Signs {
  proof: Proof
  event: string | null
  about: 'refs' | 'ping' | 'other'
  delivery: string | null
}

/** Reads one provider's dialect. */
type ReadSigns = (headers: Headers, query: URLSearchParams) => Signs

/**
 * The providers by their name in the address (PR-501 to PR-505; Gitea and Forgejo are ours). Each proof is the provider's own: nothing
 * weaker is accepted in its place.
 */
export const PROVIDERS: Readonly<Record<string, ReadSigns>> = {
  github: (headers) => ({
    proof: { kind: 'signature', value: readPrefixed(headers.get('x-hub-signature-256')) },
    ...readEvent(headers.get('x-github-event'), {
      refs: ['push', 'create', 'delete', 'release'],
      ping: ['ping'],
    }),
    delivery: readDelivery(headers, 'x-github-delivery'),
  }),
  gitlab: (headers) => ({
    proof: { kind: 'token', value: headers.get('x-gitlab-token') },
    ...readEvent(headers.get('x-gitlab-event'), { refs: ['Push Hook', 'Tag Push Hook'], ping: [] }),
    // Not X-Gitlab-Event-UUID: events that a webhook caused carry the id of the event that caused them.
    delivery: readDelivery(headers, 'idempotency-key'),
  }),
  bitbucket: (headers) => ({
    proof: { kind: 'signature', value: readPrefixed(headers.get('x-hub-signature')) },
    ...readEvent(headers.get('x-event-key'), { refs: ['repo:push', 'repo:refs_changed'], ping: ['diagnostics:ping'] }),
    delivery: readDelivery(headers, 'x-request-uuid') ?? readDelivery(headers, 'x-request-id'),
  }),
  gitea: readGitea,
  forgejo: readGitea,
  git: (headers, query) => ({
    proof: readGenericProof(headers, query),
    event: null,
    about: 'refs',
    delivery: readDelivery(headers, 'x-repertoire-delivery'),
  }),
}

/** Both send the headers of their ancestors too; the signature is that of the first one present. */
function readGitea(headers: Headers): Signs {
  const own = headers.get('x-forgejo-signature') ?? headers.get('x-gitea-signature')
  return {
    proof: { kind: 'signature', value: own ?? readPrefixed(headers.get('x-hub-signature-256')) },
    ...readEvent(headers.get('x-forgejo-event') ?? headers.get('x-gitea-event'), {
      refs: ['push', 'create', 'delete', 'release'],
      ping: [],
    }),
    delivery: readDelivery(headers, 'x-forgejo-delivery') ?? readDelivery(headers, 'x-gitea-delivery'),
  }
}

const TIMESTAMPED = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/i

/** A signature where there is one, else the first token present (PR-505). */
function readGenericProof(headers: Headers, query: URLSearchParams): Proof {
  const signature = headers.get('x-repertoire-signature')
  if (signature !== null) {
    const [, at = '0', value = ''] = TIMESTAMPED.exec(signature) ?? []
    return { kind: 'timestamped', value, at: Number(at) }
  }
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1] ?? null
  return { kind: 'token', value: bearer ?? headers.get('x-webhook-token') ?? query.get('token') }
}

/** The hex digits after `sha256=`; an empty text when the header has another form, null when there is none. */
function readPrefixed(header: string | null): string | null {
  return header === null ? null : (/^sha256=([0-9a-f]+)$/i.exec(header)?.[1] ?? '')
}

const LONGEST_EVENT = 100
const LONGEST_DELIVERY = 200

function readEvent(
  event: string | null,
  known: { refs: readonly string[]; ping: readonly string[] },
): Pick<Signs, 'event' | 'about'> {
  const isAbout = (names: readonly string[]) => event !== null && names.includes(event)
  const about = isAbout(known.refs) ? 'refs' : 'other'
  return { event: event?.slice(0, LONGEST_EVENT) ?? null, about: isAbout(known.ping) ? 'ping' : about }
}

/** An id that is too long counts as none: cut, it could be taken for another. */
function readDelivery(headers: Headers, name: string): string | null {
  const id = headers.get(name)
  return id === null || id === '' || id.length > LONGEST_DELIVERY ? null : id
}
