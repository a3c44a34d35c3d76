/**
 * The pattern language of `.gitattributes` and `archive.exclude` as Composer reads it (contract §3.6). Patterns come from
 * untrusted repositories, so they are not turned into regular expressions: a pattern is a list of steps, and each step
 * turns the set of positions reached so far into the next one. The work is at most steps × path length.
 */
export interface PathPattern {
  readonly start: 'root' | 'segment' | 'anywhere'
  readonly steps: readonly Step[]
  /** The number of steps that can multiply positions; the time of a match is at most this times the path's length. */
  readonly cost: number
}

type Step =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'class'; readonly members: readonly (readonly [from: string, to: string])[] }
  | { readonly kind: 'any' | 'star' | 'visible' | 'directories' | 'descendants' }
  | { readonly kind: 'either'; readonly alternatives: readonly (readonly Step[])[] }

type Positions = ReadonlySet<number>

/** Parses a pattern; null when brackets or braces do not close, in which case the pattern matches nothing. */
export function parsePathPattern(text: string): PathPattern | null {
  const firstSlash = text.indexOf('/')
  const isName = firstSlash === -1 || firstSlash === text.length - 1
  const otherStart = isName ? 'segment' : 'anywhere'
  const steps = parseSteps(text.replace(/^\/+/, '').replace(/(?<!\/)\/+$/, ''))
  if (steps === null) return null
  const start = firstSlash === 0 ? 'root' : otherStart
  const cost = (text.match(/[*?[{,]/g)?.length ?? 0) + (start === 'anywhere' ? 1 : 0)
  return { start, steps, cost }
}

/** Whether the pattern matches the path, which starts with `/`, or one of the directories that the path is in. */
export function matchesPath({ start, steps }: PathPattern, path: string): boolean {
  for (const position of advanceAll(steps, path, startPositions(start, path))) {
    if (position === path.length || path.charAt(position) === '/') return true
  }
  return false
}

interface Frame {
  readonly alternatives: Step[][]
  current: Step[]
}

function parseSteps(glob: string): readonly Step[] | null {
  const frames: Frame[] = [{ alternatives: [], current: [] }]
  let isSegmentStart = true
  let index = 0
  while (index < glob.length) {
    const frame = frames.at(-1)
    if (frame === undefined) return null
    const character = glob.charAt(index)
    if (isSegmentStart && character !== '.') frame.current.push({ kind: 'visible' })
    isSegmentStart = character === '/'
    const rest = glob.slice(index, index + 4)
    if (rest === '/**' || rest === '/**/') {
      frame.current.push({ kind: rest === '/**' ? 'descendants' : 'directories' })
      index += rest.length
    } else if (character === '[') {
      const end = glob.indexOf(']', index + 2)
      if (end === -1) return null
      frame.current.push(toClass(glob.slice(index + 1, end)))
      index = end + 1
    } else if (character === '\\') {
      appendText(frame.current, glob.charAt(index + 1))
      isSegmentStart = glob.charAt(index + 1) === '/'
      index += 2
    } else {
      appendCharacter(frames, character)
      index++
    }
  }
  return frames.length === 1 ? (frames[0]?.current ?? null) : null
}

function appendCharacter(frames: Frame[], character: string): void {
  const frame = frames.at(-1)
  if (frame === undefined) return
  const isNested = frames.length > 1
  if (character === '*') frame.current.push({ kind: 'star' })
  else if (character === '?') frame.current.push({ kind: 'any' })
  else if (character === '{') frames.push({ alternatives: [], current: [] })
  else if (character === ',' && isNested) {
    frame.alternatives.push(frame.current)
    frame.current = []
  } else if (character === '}' && isNested) {
    frames.pop()
    frames.at(-1)?.current.push({ kind: 'either', alternatives: [...frame.alternatives, frame.current] })
  } else appendText(frame.current, character)
}

function appendText(steps: Step[], text: string): void {
  const last = steps.at(-1)
  if (last?.kind === 'text') steps[steps.length - 1] = { kind: 'text', text: last.text + text }
  else steps.push({ kind: 'text', text })
}

function toClass(members: string): Step {
  const ranges: [string, string][] = []
  for (let index = 0; index < members.length; index++) {
    const from = members.charAt(index)
    const isRange = members.charAt(index + 1) === '-' && index + 2 < members.length
    ranges.push([from, isRange ? members.charAt(index + 2) : from])
    if (isRange) index += 2
  }
  return { kind: 'class', members: ranges }
}

function startPositions(start: PathPattern['start'], path: string): Positions {
  if (start === 'root') return new Set([1])
  const positions = new Set<number>()
  for (let index = 0; index < path.length; index++) {
    if (start === 'anywhere') positions.add(index)
    else if (path.charAt(index) === '/') positions.add(index + 1)
  }
  return positions
}

function advanceAll(steps: readonly Step[], path: string, from: Positions): Positions {
  let positions = from
  for (const step of steps) {
    if (positions.size === 0) return positions
    positions = advance(step, path, positions)
  }
  return positions
}

function advance(step: Step, path: string, from: Positions): Positions {
  const reached = new Set<number>()
  if (step.kind === 'either') {
    for (const alternative of step.alternatives) {
      for (const position of advanceAll(alternative, path, from)) reached.add(position)
    }
    return reached
  }
  for (const position of from) advanceOne(step, path, { position, reached })
  return reached
}

interface Reach {
  readonly position: number
  readonly reached: Set<number>
}

function advanceOne(step: Exclude<Step, { kind: 'either' }>, path: string, { position, reached }: Reach): void {
  const character = path.charAt(position)
  switch (step.kind) {
    case 'text':
      if (path.startsWith(step.text, position)) reached.add(position + step.text.length)
      return
    case 'class':
      if (character !== '' && step.members.some(([from, to]) => character >= from && character <= to)) reached.add(position + 1)
      return
    case 'any':
      if (character !== '' && character !== '/') reached.add(position + 1)
      return
    case 'visible':
      if (character !== '' && character !== '.') reached.add(position)
      return
    case 'star':
      addRun(path, { position, reached })
      return
    case 'directories':
    case 'descendants':
      if (character === '/') addDirectories(path, { position: position + 1, reached }, step.kind === 'descendants')
  }
}

/** Adds every position up to the next slash; stops early where another run has been, so that stars stay linear. */
function addRun(path: string, { position, reached }: Reach): void {
  for (let index = position; !reached.has(index); index++) {
    reached.add(index)
    if (index >= path.length || path.charAt(index) === '/') return
  }
}

/** Adds the start of each directory below, as long as none on the way is hidden; with `andEnds` their ends as well. */
function addDirectories(path: string, { position, reached }: Reach, andEnds: boolean): void {
  let start = position
  while (!reached.has(start)) {
    reached.add(start)
    const slash = path.indexOf('/', start)
    const end = slash === -1 ? path.length : slash
    if (end === start || path.charAt(start) === '.') return
    if (andEnds) reached.add(end)
    if (slash === -1) return
    start = slash + 1
  }
}
