/** Why an uploaded archive is not accepted. Stable; shown to whoever uploaded it together with the entry. */
export type ArchiveRule =
  | 'unknown_format'
  | 'damaged'
  | 'inconsistent'
  | 'encrypted'
  | 'unsupported'
  | 'name_encoding'
  | 'unsafe_path'
  | 'root_entry'
  | 'vcs_directory'
  | 'unsafe_link'
  | 'special_file'
  | 'duplicate_name'
  | 'overlap'
  | 'too_many_entries'
  | 'too_large'
  | 'ratio'
  | 'manifest_place'
  | 'manifest_size'

/** A refusal in words that name the rule and, where it is about one, the entry (made printable and cut). */
export interface ArchiveRefusal {
  rule: ArchiveRule
  entry: string | null
  problem: string
}

const LONGEST_SHOWN_NAME = 120

/** Thrown inside the readers; `readArchive` turns it into its result. */
export class ArchiveRefused extends Error {
  readonly refusal: ArchiveRefusal

  constructor(rule: ArchiveRule, problem: string, entry: string | null = null) {
    const shown = entry === null ? null : showName(entry)
    super(shown === null ? problem : `${shown}: ${problem}`)
    this.name = 'ArchiveRefused'
    this.refusal = { rule, entry: shown, problem: this.message }
  }
}

/** Entry names come from strangers: quoted, escaped and cut. */
function showName(name: string): string {
  const cut = name.length > LONGEST_SHOWN_NAME ? `${name.slice(0, LONGEST_SHOWN_NAME)}…` : name
  return JSON.stringify(cut.toWellFormed()).replaceAll(
    /[\p{Cc}\p{Cf}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  )
}
