import { invalidInput } from '../../core/kernel/errors.ts'

const MAX_PER_PAGE = 100
const MAX_PAGES = 300

/** A page of a list as a query names it. */
export interface WantedPage {
  page: number
  perPage: number
  /** The query of the page that follows where there are so many in all, or null at the end. */
  next: (total: number) => string | null
}

/** Reads `page` (1 to 300) and `per_page` (1 to 100). Throws `invalid_input`. */
export function readPage(query: URLSearchParams, fallback: { perPage: number }): WantedPage {
  const page = readNumber(query, 'page', { fallback: 1, max: MAX_PAGES })
  const perPage = readNumber(query, 'per_page', { fallback: fallback.perPage, max: MAX_PER_PAGE })
  return {
    page,
    perPage,
    next: (total) => {
      const following = new URLSearchParams(query)
      following.set('page', String(page + 1))
      return page * perPage < total && page < MAX_PAGES ? following.toString() : null
    },
  }
}

function readNumber(query: URLSearchParams, name: string, { fallback, max }: { fallback: number; max: number }): number {
  const text = query.get(name)
  if (text === null) {
    return fallback
  }
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > max) {
    throw invalidInput(name, `give a number from 1 to ${max}`)
  }
  return value
}
