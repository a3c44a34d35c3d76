import { describe, expect, test } from 'bun:test'
import { countRun, parseJunit } from './junit.mjs'

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="2" failures="1" skipped="2" time="0.05">
  <testsuite name="a.test.ts" file="src/a.test.ts" tests="4">
    <testsuite name="CO-001 group" file="src/a.test.ts" line="2">
      <testcase name="adds" classname="CO-001 group" time="0.1" file="src/a.test.ts" line="2" assertions="1" />
      <testcase name="later" classname="" time="0" file="src/a.test.ts" line="2" assertions="0">
        <skipped message="TODO" />
      </testcase>
      <testcase name="a &quot;b&quot; &amp; &lt;c&gt;&#10;d" classname="x &gt; y" time="0" file="src/a.test.ts" line="2">
        <failure type="AssertionError" message="expected &lt;skipped&gt;">text</failure>
      </testcase>
    </testsuite>
  </testsuite>
</testsuites>`

const clean = { xml: report, files: ['src/a.test.ts'], exitCode: 1, timedOut: false }
const onePass = '<testcase name="ok" classname="" file="src/a.test.ts" />'

test('a report is read with groups, entities and outcomes', () => {
  expect(parseJunit(report)).toEqual([
    { file: 'src/a.test.ts', name: 'CO-001 group adds', outcome: 'passed' },
    { file: 'src/a.test.ts', name: 'later', outcome: 'skipped' },
    { file: 'src/a.test.ts', name: 'x > y a "b" & <c>\nd', outcome: 'failed' },
  ])
})

describe('counting', () => {
  test('a skipped test counts as failed', () => {
    expect(countRun(clean)).toEqual({ passed: 1, failed: 2, problems: ['src/a.test.ts: "later" was skipped.'] })
  })

  test('a file that the report leaves out counts as failed', () => {
    const { failed, problems } = countRun({ ...clean, files: ['src/a.test.ts', 'src/b.test.ts'] })

    expect(failed).toBe(3)
    expect(problems).toContain('src/b.test.ts: no test was reported.')
  })

  test('a run without a report fails each of its files even when it ended well', () => {
    expect(countRun({ xml: null, files: ['a', 'b'], exitCode: 0, timedOut: false })).toMatchObject({ passed: 0, failed: 2 })
  })

  test('a run that was ended for its time counts as failed', () => {
    expect(countRun({ xml: onePass, files: ['src/a.test.ts'], exitCode: 143, timedOut: true })).toMatchObject({
      passed: 1,
      failed: 1,
    })
  })

  test('an exit code that nothing else explains counts as failed', () => {
    expect(countRun({ xml: onePass, files: ['src/a.test.ts'], exitCode: 1, timedOut: false })).toMatchObject({
      passed: 1,
      failed: 1,
    })
  })

  test('a stage without test files counts as failed', () => {
    expect(countRun({ xml: null, files: [], exitCode: 0, timedOut: false })).toMatchObject({ passed: 0, failed: 1 })
  })

  test('a clean run has no failures', () => {
    expect(countRun({ xml: onePass, files: ['src/a.test.ts'], exitCode: 0, timedOut: false })).toEqual({
      passed: 1,
      failed: 0,
      problems: [],
    })
  })
})
