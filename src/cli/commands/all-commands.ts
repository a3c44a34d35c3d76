import type { Command } from 'commander'
import type { Run } from '../program.ts'
import { addArtifactCommands } from './artifact.ts'
import { addAuditCommand } from './audit.ts'
import { addBackupCommands } from './backup.ts'
import { addDoctorCommand } from './doctor.ts'
import { addHookCommands } from './hook.ts'
import { addImportCommands } from './import.ts'
import { addInvitationCommands } from './invitation.ts'
import { addJobCommands } from './job.ts'
import { addMemberCommands } from './member.ts'
import { addOrganizationCommands } from './organization.ts'
import { addPackageCommands } from './package.ts'
import { addSafetyCommands } from './safety.ts'
import { addServeCommand } from './serve.ts'
import { addSetupCommand } from './setup.ts'
import { addSourceCommands } from './source.ts'
import { addStatsCommand } from './stats.ts'
import { addTeamCommands } from './team.ts'
import { addTokenCommands } from './token.ts'
import { addUserCommands } from './user.ts'
import { addWebhookCommands } from './webhook.ts'

/** Adds every command, in the order of the help text. */
export function addCommands(program: Command, run: Run): void {
  addServeCommand(program, run)
  addSetupCommand(program, run)
  addOrganizationCommands(program, run)
  addMemberCommands(program, run)
  addInvitationCommands(program, run)
  addTeamCommands(program, run)
  addTokenCommands(program, run)
  addUserCommands(program, run)
  addSourceCommands(program, run)
  addArtifactCommands(program, run)
  addHookCommands(program, run)
  addWebhookCommands(program, run)
  addPackageCommands(program, run)
  addSafetyCommands(program, run)
  addJobCommands(program, run)
  addStatsCommand(program, run)
  addAuditCommand(program, run)
  addImportCommands(program, run)
  addBackupCommands(program, run)
  addDoctorCommand(program, run)
}
