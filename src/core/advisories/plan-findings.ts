import { parsePackageName } from '../../composer/index.ts'
import type { FindingId, VersionId } from '../kernel/values.ts'
import type { Advisory } from './advisory.ts'
import { matchAdvisories, matchRequirement } from './match-advisories.ts'
import type { ScannedVersion } from './scans.sql.ts'
import type { StandingFinding } from './standing-findings.sql.ts'

/** What versions of a package require: by name and constraint, the versions that do. Platform packages are none of it. */
export type Requirements = ReadonlyMap<string, ReadonlyMap<string, readonly VersionId[]>>

/** A finding as it should be. */
export interface ExpectedFinding {
  kind: 'version' | 'requirement'
  advisory: Advisory
  affectedPackage: string
  versions: ReadonlySet<VersionId>
}

/** What has to be written so that the findings of a package are those that are expected. */
export interface FindingPlan {
  open: ExpectedFinding[]
  /** Found again, or in more versions, after they were resolved. */
  reopen: StandingFinding[]
  resolve: StandingFinding[]
  /** Findings that name other versions than before, those of the lists above included. */
  versions: { id: FindingId; before: ReadonlySet<VersionId>; after: ReadonlySet<VersionId> }[]
}

/** Reads what versions require and require for development, from their manifests. */
export function readRequirements(versions: readonly (ScannedVersion & { manifest: string })[]): Requirements {
  const names = new Map<string, Map<string, VersionId[]>>()
  for (const { id, version, manifest } of versions) {
    const links = JSON.parse(manifest) as { require?: Record<string, string>; 'require-dev'?: Record<string, string> }
    for (const [name, constraint] of [...Object.entries(links.require ?? {}), ...Object.entries(links['require-dev'] ?? {})]) {
      const target = parsePackageName(name)
      if (target !== null) {
        const constraints = names.getOrInsertComputed(target, () => new Map<string, VersionId[]>())
        constraints.getOrInsertComputed(constraint === 'self.version' ? version : constraint, () => []).push(id)
      }
    }
  }
  return names
}

/** The findings that versions of a package give by themselves: those that an advisory about the package covers. */
export function findAffected(
  name: string,
  advisories: readonly Advisory[],
  versions: readonly ScannedVersion[],
): ExpectedFinding[] {
  const affected = new Map<Advisory, Set<VersionId>>()
  for (const { id, normalized } of versions) {
    for (const advisory of matchAdvisories(advisories, normalized)) {
      affected.getOrInsertComputed(advisory, () => new Set()).add(id)
    }
  }
  return toExpected('version', name, affected)
}

/** The findings that a package has by what its versions require (contract pricore.md §11). */
export function findRequiring(
  requirements: Requirements,
  advisories: ReadonlyMap<string, readonly Advisory[]>,
): ExpectedFinding[] {
  return [...requirements].flatMap(([name, constraints]) => {
    const affected = new Map<Advisory, Set<VersionId>>()
    for (const [constraint, versions] of constraints) {
      for (const advisory of matchRequirement(advisories.get(name) ?? [], constraint)) {
        const ids = affected.getOrInsertComputed(advisory, () => new Set())
        for (const id of versions) {
          ids.add(id)
        }
      }
    }
    return toExpected('requirement', name, affected)
  })
}

function toExpected(kind: ExpectedFinding['kind'], name: string, affected: ReadonlyMap<Advisory, ReadonlySet<VersionId>>) {
  return [...affected].map(([advisory, versions]) => ({ kind, advisory, affectedPackage: name, versions }))
}

/**
 * Compares the findings of one package with those that are expected. An advisory that another source tells now, under its own id or with the same
 * CVE, is the same finding. What somebody decided stays, unless it was that the finding is resolved and it comes back.
 */
export function planFindings(standing: readonly StandingFinding[], expected: readonly ExpectedFinding[]): FindingPlan {
  const plan: FindingPlan = { open: [], reopen: [], resolve: [], versions: [] }
  const remaining = new Set(standing)
  for (const wanted of expected) {
    const found = [...remaining].find((finding) => isSame(finding, wanted))
    if (found === undefined) {
      plan.open.push(wanted)
      continue
    }
    remaining.delete(found)
    if (wanted.versions.symmetricDifference(found.versions).size > 0) {
      plan.versions.push({ id: found.id, before: found.versions, after: wanted.versions })
    }
    if (found.state === 'resolved' && !wanted.versions.isSubsetOf(found.versions)) {
      plan.reopen.push(found)
    }
  }
  for (const finding of remaining) {
    if (finding.versions.size > 0) {
      plan.versions.push({ id: finding.id, before: finding.versions, after: new Set() })
    }
    if (['open', 'in_progress', 'no_capacity'].includes(finding.state)) {
      plan.resolve.push(finding)
    }
  }
  return plan
}

function isSame(finding: StandingFinding, { kind, advisory, affectedPackage }: ExpectedFinding): boolean {
  if (finding.kind !== kind || finding.affectedPackage !== affectedPackage) {
    return false
  }
  const isSameId = finding.advisoryId === advisory.advisoryId || advisory.aliases.includes(finding.advisoryId)
  return isSameId || (finding.cve !== null && finding.cve === advisory.cve)
}

/** Whether nothing has to be written. */
export function isEmptyPlan({ open, reopen, resolve, versions }: FindingPlan): boolean {
  return open.length + reopen.length + resolve.length + versions.length === 0
}
