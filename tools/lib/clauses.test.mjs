import { expect, test } from 'bun:test'
import { idsIn, parseClauses, statusOfIds } from './clauses.mjs'

const contract = `# Contract

| CM-001 | outside of the checklist |

## 9. Checklist of operations

| ID | Tier | Check |
|---|---|---|
| CM-001 | M | create \\| replace | 201 |
| CM-121 … CM-123 | credentials | |
| CM-132, CM-133 | both |
- CM-200 listed
3. CM-201 numbered
CM-501 … CM-502 as in §7; CM-529 \`--json\`
See also CM-900.

### 9.1 More

| PR-001 | another dialect |
| CM-300 | ${'long '.repeat(60)} |

## Appendix

| CM-999 | after the checklist |
`

test('clauses are read from rows, lists, ranges and sentences of the checklist only', () => {
  const clauses = parseClauses(contract, 'CM')

  expect(Object.keys(clauses)).toEqual(
    [1, 121, 122, 123, 132, 133, 200, 201, 501, 502, 529, 300].map((number) => `CM-${String(number).padStart(3, '0')}`),
  )
  expect(clauses['CM-001']).toBe('create | replace — 201')
  expect(clauses['CM-122']).toBe('credentials')
  expect(clauses['CM-529']).toBe('`--json`')
  expect(clauses['CM-300']?.length).toBeLessThanOrEqual(140)
})

test('a contract without a checklist is refused', () => {
  expect(() => parseClauses('# Contract\n', 'CM')).toThrow('checklist')
})

test('a test name may carry several ids, also with a suffix', () => {
  expect(idsIn('CO-001 and GL-201-bad and CO-001 are kept, XCO-002 and CO-12 are not')).toEqual(['CO-001', 'GL-201'])
})

test('a clause has passed only when every test that carries it has', () => {
  const status = statusOfIds([
    { name: 'CO-001 a', outcome: 'failed' },
    { name: 'CO-001 CO-002 b', outcome: 'passed' },
    { name: 'CO-003 c', outcome: 'skipped' },
  ])

  expect(Object.fromEntries(status)).toEqual({ 'CO-001': 'failed', 'CO-002': 'passed', 'CO-003': 'failed' })
})
