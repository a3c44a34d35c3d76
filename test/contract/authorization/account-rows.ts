/** How the commands about people are called by the matrix: their own accounts, and those that operators keep. */
import { on, open, signedInAs, type CommandRow } from './command-matrix.ts'

type Rows = Record<string, CommandRow>

const PAGE = { limit: 10, after: null }
const LINK = open('the secret of the link is the proof')
const PROOF = open('what it is given is the proof: password, code or passkey')
const SITE = { origin: 'https://packages.example.test', host: 'packages.example.test' }
const someone = () => ['member@example.org']

export const ACCOUNT_ROWS: Rows = {
  changePassword: signedInAs(() => [{ current: 'x', password: 'y' }]),
  completeSignIn: PROOF,
  confirmEmail: LINK,
  confirmIdentity: signedInAs(() => ['x']),
  endOtherSessions: signedInAs(() => []),
  endOwnSession: signedInAs(() => ['x']),
  findEmailOfLink: LINK,
  getOwnUser: signedInAs(() => []),
  isPasswordLink: LINK,
  listOwnPasskeys: signedInAs(() => []),
  listOwnSessions: signedInAs(() => []),
  prepareSession: open('makes the secret of a session that a command is about to start'),
  purgeAccounts: open('a job of the registry itself'),
  registerAuthenticatorApp: signedInAs(() => [{ state: 'x', code: '000000' }]),
  registerPasskey: signedInAs(() => [{ site: SITE, state: 'x', name: 'key', response: {} }]),
  removeAuthenticatorApp: signedInAs(() => []),
  removePasskey: signedInAs(() => ['x']),
  renameOwnUser: signedInAs(() => [{ name: 'New' }]),
  renewRecoveryCodes: signedInAs(() => []),
  requestAuthenticatorApp: signedInAs(() => ['packages.example.test']),
  requestEmailChange: signedInAs(() => [{ email: 'new@example.org', password: 'x' }]),
  requestEmailVerification: signedInAs(() => []),
  requestPasskey: signedInAs(() => [SITE]),
  requestPasskeySignIn: PROOF,
  requestPasswordReset: open('public: its answer is the same for every address'),
  requestStepPasskey: PROOF,
  requireSignedIn: signedInAs(() => []),
  resetPassword: LINK,
  signIn: PROOF,
  signInWithPasskey: PROOF,
  signOut: signedInAs(() => []),
}

export const USER_ROWS: Rows = {
  addUser: on('user.create', () => [{ email: 'new@example.org', name: 'New', password: null, isOperator: false }]),
  createPasswordLink: on('user.change', someone),
  deleteUserAccount: on('user.delete', someone),
  describeUser: on('user.list', someone),
  getUser: on('user.list', someone),
  listUsers: on('user.list', () => [PAGE]),
  removeSecondFactors: on('user.change', someone),
  signOutUser: on('user.change', someone),
  switchUser: on('user.change', () => ['member@example.org', 'disable']),
}
