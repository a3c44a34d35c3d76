/** The paths of an archive so far, in folded form (see `foldPath`). */
export interface TakenPaths {
  files: Set<string>
  /** Complete upwards: with a directory, all those above it are in the set. */
  directories: Set<string>
}

/**
 * Takes the place of a file and of the directories above it. False, and nothing is taken, when a file or directory is there already, or a
 * file stands where a directory above it would have to be: the later of the two would be written through or over the earlier.
 */
export function takeFile(path: string, taken: TakenPaths): boolean {
  if (taken.files.has(path) || taken.directories.has(path) || !takeAbove(path, taken)) return false
  taken.files.add(path)
  return true
}

/** Takes the place of a directory, which may be there already. False when a file is in its way. */
export function takeDirectory(path: string, taken: TakenPaths): boolean {
  if (taken.files.has(path) || !takeAbove(path, taken)) return false
  taken.directories.add(path)
  return true
}

function takeAbove(path: string, { files, directories }: TakenPaths): boolean {
  const added: string[] = []
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    const directory = path.slice(0, slash)
    if (directories.has(directory)) break
    if (files.has(directory)) return false
    added.push(directory)
  }
  for (const directory of added) directories.add(directory)
  return true
}
