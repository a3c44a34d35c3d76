export { addOrganization, type NewOrganization } from './create-organization.ts'
export { getOrganizationBySlug } from './get-organization.ts'
export {
  bumpAllOrganizations,
  bumpOrganization,
  findOrganizationBySlug,
  isMember,
  selectOrganizations,
  type Organization,
} from './organizations.sql.ts'
export { parseSlug, RESERVED_SLUGS, RESERVED_SUBORGANIZATION_SLUGS } from './slug.ts'
