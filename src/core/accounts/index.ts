export { createUser, parseDisplayName, parseEmail, requireAcceptablePassword, type CreateUser } from './create-user.ts'
export { countUsers, type User } from './users.sql.ts'
