import type { Call, Route } from '../http/route.ts'
import { tellAdvisories } from './advisories.ts'
import { queryFilters, summarize } from './filters.ts'
import type { RepositoryAddress, RepositoryForm } from './repository-path.ts'

type Row = Pick<Route, 'method' | 'path' | 'clauses' | 'handle' | 'limit'>

/** The routes for advisories and filter lists below a repository; `addressOf` says which repository a call names. */
export function safetyRows(form: RepositoryForm, addressOf: (call: Call, form: RepositoryForm) => RepositoryAddress): Row[] {
  const tell = (call: Call) => tellAdvisories(call, addressOf(call, form))
  const paths = ['/api/security-advisories', '/api/security-advisories/']
  if (form === 'documented') {
    return paths.map((path) => ({ method: 'POST', path, clauses: ['PR-120', 'PR-204'], limit: { rule: 'api' }, handle: tell }))
  }
  return [
    ...paths.flatMap((path): Row[] => [
      { method: 'POST', path, clauses: ['CO-134', 'CO-135', 'CO-137', 'PR-120'], handle: tell },
      { method: 'GET', path, clauses: ['CO-134', 'CO-136'], handle: tell },
    ]),
    {
      method: 'GET',
      path: '/filter/summary.json',
      clauses: ['CO-138'],
      handle: (call) => summarize(call, addressOf(call, form)),
    },
    { method: 'POST', path: '/filter/api', clauses: ['CO-138'], handle: (call) => queryFilters(call, addressOf(call, form)) },
  ]
}
