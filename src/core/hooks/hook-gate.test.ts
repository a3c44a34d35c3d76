import { expect, test } from 'bun:test'
import { HookGate } from './hook-gate.ts'

const NOW = 1_000_000

function admitMany(gate: HookGate, sender: string, count: number): number {
  return Array.from({ length: count }, () => gate.admit(sender, NOW)).filter((seconds) => seconds === null).length
}

test('a sender is heard 600 times a minute, and again in the next', () => {
  const gate = new HookGate()

  expect(admitMany(gate, 'a', 10_000)).toBe(600)
  expect(gate.admit('a', NOW + 20_500)).toBe(40)
  expect(gate.admit('a', NOW + 60_000)).toBeNull()
})

test('the burst of one sender takes nothing from another', () => {
  const gate = new HookGate()

  admitMany(gate, 'a', 10_000)

  expect(admitMany(gate, 'b', 10)).toBe(10)
})

test('after 20 refusals a sender is not heard any more in this minute', () => {
  const gate = new HookGate()
  for (let count = 0; count < 20; count += 1) {
    expect(gate.admit('a', NOW)).toBeNull()
    gate.refuse('a', NOW)
  }

  expect(gate.admit('a', NOW)).toBe(60)
  expect(gate.admit('a', NOW + 60_000)).toBeNull()
})

test('more senders than there is room for share one count', () => {
  const gate = new HookGate()
  for (let sender = 0; sender < 10_000; sender += 1) {
    gate.admit(String(sender), NOW)
  }

  expect(admitMany(gate, 'late', 400) + admitMany(gate, 'later', 400)).toBe(600)
  expect(admitMany(gate, '17', 10)).toBe(10)
})

test('a clock that was set back begins a new minute instead of silencing everybody', () => {
  const gate = new HookGate()
  admitMany(gate, 'a', 10_000)

  expect(gate.admit('a', NOW - 3_600_000)).toBeNull()
})
