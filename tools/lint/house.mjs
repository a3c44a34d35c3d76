import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'

/**
 * House rules that the linter's own configuration cannot express. They see one file at a time;
 * who may import whom is in .oxlintrc.json and, independent of it, in test/architecture.test.ts.
 */
const root = new URL('../..', import.meta.url).pathname
const fileLimit = 400
const functionLimit = 60
const testFunctionLimit = 300

/**
 * Known exceptions to the size limits with their exact size: `files` by path, `functions` by `path#name`.
 * An entry that is larger than the code is an error, so a number can only go down, and reviews accept no new ones.
 * @type {{ files: Record<string, number>, functions: Record<string, number> }}
 */
const ratchet = JSON.parse(readFileSync(new URL('ratchet.json', import.meta.url), 'utf8'))

const pathOf = (context) => relative(root, context.filename)
const isTest = (path) => path.startsWith('test/') || /\.test\.[a-z]+$/.test(path)

/** Every export of the rule's folders says in a doc comment what it guarantees. */
const documentedExports = {
  create(context) {
    const check = (node) => {
      if (node.declaration === null || isTest(pathOf(context))) return
      const comment = context.sourceCode.getCommentsBefore(node).at(-1)
      const isOverload =
        previousSibling(node)?.declaration?.id?.name === node.declaration.id?.name && node.declaration.id !== undefined
      if (isOverload || (comment?.type === 'Block' && comment.value.startsWith('*'))) return
      context.report({ node, message: 'An exported item needs a doc comment that says what it guarantees.' })
    }
    return { ExportNamedDeclaration: check }
  },
}

/** SQL is written in `*.sql.ts` only. Types of Kysely may be named anywhere. */
const sqlInSqlFiles = {
  create(context) {
    if (context.filename.endsWith('.sql.ts') || isTest(pathOf(context))) return {}
    const statements = new Set([
      'selectFrom',
      'insertInto',
      'updateTable',
      'deleteFrom',
      'replaceInto',
      'mergeInto',
      'selectNoFrom',
    ])
    return {
      CallExpression(node) {
        const name = node.callee.type === 'MemberExpression' ? node.callee.property.name : undefined
        if (statements.has(name)) context.report({ node, message: `Statements such as ${name} belong into a *.sql.ts file.` })
      },
      ImportDeclaration(node) {
        const values = node.specifiers.filter((specifier) => specifier.importKind !== 'type')
        if (node.source.value === 'kysely' && node.importKind !== 'type' && values.length > 0) {
          context.report({ node, message: 'Only a *.sql.ts file imports values from kysely.' })
        }
      },
    }
  },
}

/** Time comes from the context, so that tests can turn the clock. */
const noBareDate = {
  create(context) {
    return {
      NewExpression(node) {
        if (node.callee.name === 'Date' && node.arguments.length === 0) {
          context.report({ node, message: 'Take the time from ctx.now or tx.now instead of new Date().' })
        }
      },
    }
  },
}

/** A file is named after what it does. */
const telltaleNames = {
  create(context) {
    return {
      Program(node) {
        const stem = basename(context.filename).split('.')[0] ?? ''
        if (/(^|-)(utils?|helpers?|common|services?|managers?)$/.test(stem)) {
          context.report({ node, message: `Name this file after its main export; "${stem}" says nothing.` })
        }
      },
    }
  },
}

/** Files and functions stay small; what does not is written down in ratchet.json. */
const size = {
  create(context) {
    const path = pathOf(context)
    const limit = isTest(path) ? testFunctionLimit : functionLimit
    const pending = new Set(Object.keys(ratchet.functions).filter((key) => key.startsWith(`${path}#`)))
    const judge = (node, what, found) => {
      const message = sizeProblem(found)
      if (message !== null) context.report({ node, message: `${what} ${message}` })
    }
    const checkFunction = (node) => {
      const name = nameOfFunction(node)
      const key = `${path}#${name}`
      const lines = node.loc.end.line - node.loc.start.line + 1
      pending.delete(key)
      judge(node, `Function ${name}`, { lines, limit, allowed: ratchet.functions[key] })
    }
    return {
      FunctionDeclaration: checkFunction,
      FunctionExpression: checkFunction,
      ArrowFunctionExpression: checkFunction,
      'Program:exit'(node) {
        const lines = context.sourceCode.text.trimEnd().split('\n').length
        judge(node, 'This file', { lines, limit: fileLimit, allowed: ratchet.files[path] })
        for (const key of pending)
          context.report({ node, message: `ratchet.json names ${key}, which does not exist; remove it.` })
      },
    }
  },
}

/** What is wrong with a size under a limit and, maybe, an entry of ratchet.json. */
function sizeProblem({ lines, limit, allowed }) {
  if (lines <= limit) return allowed === undefined ? null : 'is small enough now; remove it from ratchet.json.'
  if (allowed === undefined) return `has ${lines} lines; the limit is ${limit}.`
  return lines === allowed ? null : `has ${lines} lines; ratchet.json says ${allowed}.`
}

function previousSibling(node) {
  const siblings = node.parent?.body ?? []
  return siblings[siblings.indexOf(node) - 1]
}

function nameOfFunction(node) {
  return node.id?.name ?? node.parent?.id?.name ?? node.parent?.key?.name ?? 'anonymous'
}

// The linter demands a default export of its plugins.
export default {
  meta: { name: 'house' },
  rules: {
    'documented-exports': documentedExports,
    'sql-in-sql-files': sqlInSqlFiles,
    'no-bare-date': noBareDate,
    'telltale-names': telltaleNames,
    size,
  },
}
