import { HookGate, receiveHook, type ProofFault, type Received } from '../../core/hooks/index.ts'
import { isDomainError, type DomainError } from '../../core/kernel/errors.ts'
import { STATUS } from '../http/errors.ts'
import { receiveBody } from '../http/request-body.ts'
import type { Call, Route } from '../http/route.ts'
import { PROVIDERS } from './providers.ts'

/** The largest payload that a hosting provider sends. */
export const HOOK_BYTES = 25 * 1024 * 1024

/**
 * Where hosting providers report pushes, in the shapes of pricore.md §8. Gitea, Forgejo and signatures with a time are ours. Any provider's
 * address works for any source: what counts is the proof, and a source's host says little about who calls, such as a build server.
 */
export function inboundRoutes(): Route[] {
  const gate = new HookGate()
  const clauses = ['PR-501', 'PR-502', 'PR-503', 'PR-504', 'PR-505', 'PR-507', 'PR-508']
  return [
    {
      method: 'POST',
      path: '/webhooks/:provider/:source',
      surface: 'inbound',
      clauses,
      handle: (call) => receive(call, gate),
    },
  ]
}

async function receive({ ctx, request, params, query, address, signal }: Call, gate: HookGate): Promise<Response> {
  const provider = params['provider'] ?? ''
  const readSigns = Object.hasOwn(PROVIDERS, provider) ? PROVIDERS[provider] : undefined
  if (readSigns === undefined) {
    return message(404, NOT_FOUND)
  }
  try {
    const received = await receiveHook(ctx, gate, {
      ...readSigns(request.headers, query),
      source: params['source'] ?? '',
      provider,
      sender: address,
      body: (take) => receiveBody(request, { limit: HOOK_BYTES, signal }, take),
    })
    return message(200, ANSWERS[received.kind])
  } catch (error) {
    if (isDomainError(error)) {
      return presentRefusal(error)
    }
    throw error
  }
}

const NOT_FOUND = 'Not Found'

const ANSWERS: Readonly<Record<Received['kind'], string>> = {
  requested: 'Sync dispatched.',
  duplicate: 'Event ignored.',
  ping: 'pong',
  ignored: 'Event ignored.',
}

const FAULTS: Readonly<Record<ProofFault, string>> = {
  missing_token: 'Missing token.',
  invalid_token: 'Invalid token.',
  missing_signature: 'Missing signature.',
  invalid_signature: 'Invalid signature.',
  stale_signature: 'Invalid signature.',
}

function presentRefusal(error: DomainError): Response {
  switch (error.code) {
    case 'source_not_found':
      return message(404, NOT_FOUND)
    case 'hook_not_found':
      return message(403, 'Invalid webhook configuration.')
    case 'hook_refused':
      return message(403, FAULTS[error.details['reason'] as ProofFault])
    case 'request_limited':
      return message(429, 'Too Many Attempts.', { 'Retry-After': String(error.details['seconds']) })
    default:
      return message(STATUS[error.kind], error.message)
  }
}

function message(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ message: text }), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  })
}
