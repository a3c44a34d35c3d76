/** Text that stands for itself in `like … escape '!'`. */
export function escapeLike(text: string): string {
  return text.replaceAll(/[!%_]/g, '!$&')
}

/** A package name pattern, in which `*` is any run of characters, as `like … escape '!'` reads it. */
export function toLikePattern(glob: string): string {
  return escapeLike(glob).replaceAll('*', '%')
}
