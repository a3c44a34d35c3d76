import type { Command } from 'commander'
import type { Run } from '../program.ts'
import { addAdvisoryCommands } from './advisory.ts'
import { addBlockCommands } from './block.ts'
import { addFindingCommands } from './finding.ts'
import { addLockCommands } from './lock.ts'
import { addMirrorCommands } from './mirror.ts'
import { addRepositoryCommands } from './repository.ts'

/** The commands for what repositories show, packages of others, and what is wrong with packages, in the order of the help text. */
export function addSafetyCommands(program: Command, run: Run): void {
  addRepositoryCommands(program, run)
  addMirrorCommands(program, run)
  addLockCommands(program, run)
  addAdvisoryCommands(program, run)
  addFindingCommands(program, run)
  addBlockCommands(program, run)
}
