/** Accounts and memberships for tests, with the actors of their people. */
import { addMember, createPersonalToken, type TokenGrant } from '../../src/core/access/index.ts'
import { createUser, type User } from '../../src/core/accounts/index.ts'
import type { Actor } from '../../src/core/kernel/actor.ts'
import { isDomainError } from '../../src/core/kernel/errors.ts'
import type { Role } from '../../src/core/kernel/schema.ts'
import type { SessionId } from '../../src/core/kernel/values.ts'
import type { Organization } from '../../src/core/organizations/index.ts'
import type { TestApp } from './app.ts'

/** A person with an account, as signed in. */
export interface TestPerson extends User {
  actor: Actor
}

/** Somebody with an account and no membership; the address is made of the name. */
export async function buildPerson(app: TestApp, name: string, isOperator = false): Promise<TestPerson> {
  const user = await app
    .ctx()
    .transaction((tx) => createUser(tx, { email: `${name}@example.org`, name, passwordHash: null, isOperator }))
  return { ...user, actor: { kind: 'user', user: user.id, session: 1 as SessionId, isOperator } }
}

/** Somebody with an account who is a member. */
export async function buildMember(app: TestApp, organization: Organization, name: string, role: Role): Promise<TestPerson> {
  const person = await buildPerson(app, name)
  await addMember(app.ctx(), { organization, user: person.uid, role })
  return person
}

/** A personal token of somebody, by default with all rights. Returns the secret. */
export async function buildPersonalToken(app: TestApp, person: TestPerson, grant: Partial<TokenGrant> = {}): Promise<string> {
  const issued = await createPersonalToken(app.ctx(), {
    user: person.id,
    name: 'own',
    scopes: null,
    packages: null,
    expiresAt: null,
    ...grant,
  })
  return issued.secret
}

/** The code of the expected failure of some work, or null. Bugs are thrown. */
export async function failureOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work
    return null
  } catch (error) {
    if (isDomainError(error)) {
      return error.code
    }
    throw error
  }
}
