export {
  registerAuthenticatorApp,
  removeAuthenticatorApp,
  requestAuthenticatorApp,
  type TotpEnrolment,
} from './authenticator-app.ts'
export { mintSecret } from './account-secret.ts'
export { confirmEmail, findEmailOfLink, renameOwnUser, requestEmailChange, requestEmailVerification } from './change-email.ts'
export { changePassword } from './change-password.ts'
export { deleteUser, demoteUser, disableUser, enableUser, endSessions, promoteUser, removeFactors } from './change-user.ts'
export { completeSignIn, requestStepPasskey, type SecondFactor } from './complete-sign-in.ts'
export { createUser, parseDisplayName, parseEmail, type CreateUser } from './create-user.ts'
export { countRecoveryCodes, selectPasskeys, type Passkey } from './factors.sql.ts'
export { listFactors, type FactorKind } from './list-factors.ts'
export { CONFIRMED_FOR, getOwnUser, requireSignedIn } from './own-account.ts'
export { toSite, type AssertionProof, type AssertionRequest, type Site } from './passkey-assertion.ts'
export {
  listOwnPasskeys,
  registerPasskey,
  removePasskey,
  requestPasskey,
  requestPasskeySignIn,
  signInWithPasskey,
  type RegisterPasskey,
} from './passkeys.ts'
export { requireAcceptablePassword } from './password-rules.ts'
export { purgeAccounts } from './purge-accounts.ts'
export { renewRecoveryCodes } from './recovery-codes.ts'
export { isPasswordLink, passwordPath, requestPasswordReset, resetPassword, storePasswordChoice } from './reset-password.ts'
export {
  endOtherSessions,
  endOwnSession,
  findSession,
  listOwnSessions,
  signOut,
  toUserActor,
  touchSession,
  type OwnSession,
} from './sessions.ts'
export { selectSessions, type FoundSession, type Session } from './sessions.sql.ts'
export { signIn, type SignIn, type SignInOutcome } from './sign-in.ts'
export { confirmIdentity } from './verify-password.ts'
export { prepareSession, startSession, type NewSession } from './start-session.ts'
export { findUser, findUserByEmail, findUserByUid, selectUsers, type User } from './users.sql.ts'
