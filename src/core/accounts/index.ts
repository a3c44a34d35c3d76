export { createUser, parseDisplayName, parseEmail, requireAcceptablePassword, type CreateUser } from './create-user.ts'
export type { User } from './users.sql.ts'
