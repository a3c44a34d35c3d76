/** What a check found. `advice` says what to do about it. */
export interface Finding {
  check: string
  status: 'ok' | 'warning' | 'problem'
  message: string
  advice: string | null
}

/** Nothing to do. */
export function fine(check: string, message: string): Finding {
  return { check, status: 'ok', message, advice: null }
}

/** Works, but somebody should look at it. */
export function warning(check: string, message: string, advice: string): Finding {
  return { check, status: 'warning', message, advice }
}

/** Does not work, or soon will not. */
export function problem(check: string, message: string, advice: string): Finding {
  return { check, status: 'problem', message, advice }
}
