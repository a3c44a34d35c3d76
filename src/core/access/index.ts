export {
  acceptInvitation,
  describeInvitation,
  registerByInvitation,
  type OfferedInvitation,
  type RegisterByInvitation,
} from './accept-invitation.ts'
export { isAllowedAddress, parseAddresses, requireAllowedAddress } from './address-limits.ts'
export { authenticate, findActorByHash, judgeSecret, type JudgedSecret } from './authenticate.ts'
export { changeToken, rotateToken, type ChangeToken } from './change-token.ts'
export { createOrganization, listOrganizations, type CreateOrganization } from './create-organization.ts'
export {
  createJobToken,
  createPersonalToken,
  createToken,
  type CreateJobToken,
  type CreatePersonalToken,
  type CreateToken,
  type IssuedToken,
  type TokenGrant,
} from './create-token.ts'
export { findLastingToken, selectExpiringTokens, type ExpiringToken } from './expiring-tokens.sql.ts'
export {
  cancelInvitation,
  invitationPath,
  listInvitations,
  renewInvitation,
  sendInvitation,
  type SendInvitation,
  type SentInvitation,
} from './invitations.ts'
export {
  addMember,
  changeMemberRole,
  getMember,
  leaveOrganization,
  listMembers,
  parseRole,
  removeMember,
} from './manage-members.ts'
export {
  changeOrganization,
  createSuborganization,
  deleteOrganization,
  listDeletedOrganizations,
  listSuborganizations,
  RESTORABLE,
  restoreOrganization,
} from './manage-organizations.ts'
export {
  changeTeam,
  createTeam,
  deleteTeam,
  getTeam,
  getTeamByName,
  listTeams,
  parseTeamPermissions,
  TEAM_PERMISSIONS,
  type TeamSettings,
} from './manage-teams.ts'
export {
  addTeamMember,
  assignTeam,
  listAssignedTeams,
  listAssignments,
  listTeamMembers,
  removeTeamMember,
  unassignTeam,
  type TeamAssignment,
  type TeamPlace,
} from './team-members.ts'
export { getOwnOrganization, type OwnOrganization } from './get-own-organization.ts'
export { listCurrentTokens, listPersonalTokens, listTokens } from './list-tokens.ts'
export {
  addUser,
  createPasswordLink,
  deleteUserAccount,
  describeUser,
  getUser,
  listUsers,
  removeSecondFactors,
  signOutUser,
  switchUser,
  type AddUser,
  type UserSwitch,
} from './manage-users.ts'
export { openMirrors } from './open-mirrors.sql.ts'
export { coversPackage, parsePackageGlobs } from './package-globs.ts'
export { getPackageVisibility, isPackageVisible, seesEverything, type PackageVisibility } from './package-visibility.ts'
export { ACTIONS, authorize, authorizeForPackage, authorizeForSource, authorizeSelf, type Action } from './permissions.ts'
export { revokeToken } from './revoke-token.ts'
export { isSetupOpen, isSetupSecret, openSetup, setUpInstance, type SetUpInstance } from './set-up-instance.ts'
export { giveSourceToOwnTeams } from './team-rights.ts'
export { hashTokenSecret, hasTokenChecksum, randomBase62 } from './token-secret.ts'
export { touchToken, type Token, type TokenOwner } from './tokens.sql.ts'
