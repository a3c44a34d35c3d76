import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { z } from 'zod'

const Base64Url = z
  .string()
  .max(100_000)
  .regex(/^[A-Za-z0-9_-]*$/, 'must be base64url')
const CredentialId = Base64Url.min(1).max(1400)
const Extensions = z.record(z.string(), z.unknown()).default({})
const Attachment = z.enum(['cross-platform', 'platform'])
const Transports = z.array(z.string().max(32)).max(10)

const Registration = z.object({
  id: CredentialId,
  rawId: CredentialId,
  type: z.literal('public-key'),
  clientExtensionResults: Extensions,
  authenticatorAttachment: Attachment.nullish(),
  response: z.object({ clientDataJSON: Base64Url, attestationObject: Base64Url, transports: Transports.optional() }),
})

const Assertion = z.object({
  id: CredentialId,
  rawId: CredentialId,
  type: z.literal('public-key'),
  clientExtensionResults: Extensions,
  authenticatorAttachment: Attachment.nullish(),
  response: z.object({
    clientDataJSON: Base64Url,
    authenticatorData: Base64Url,
    signature: Base64Url,
    userHandle: Base64Url.nullish(),
  }),
})

/** What `navigator.credentials.create` answered, as `PublicKeyCredential.toJSON` writes it. What is not used is dropped. */
export const RegistrationResponse = Registration.transform(
  ({ id, rawId, type, response }) => ({ id, rawId, type, response, clientExtensionResults: {} }) as RegistrationResponseJSON,
)

/** What `navigator.credentials.get` answered. */
export const AssertionResponse = Assertion.transform(
  ({ id, rawId, type, response }) => ({ id, rawId, type, response, clientExtensionResults: {} }) as AuthenticationResponseJSON,
)
