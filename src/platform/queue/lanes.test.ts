import { expect, test } from 'bun:test'
import { LaneSlots } from './lanes.ts'

test('background jobs get their own slots only, interactive ones whatever is free', () => {
  const slots = new LaneSlots({ interactive: 1, background: 2 })
  slots.take('interactive')
  slots.take('interactive')

  expect([slots.isFree('interactive'), slots.isFree('background')]).toEqual([true, true])
  slots.take('background')
  expect([slots.isFree('interactive'), slots.isFree('background')]).toEqual([false, false])
  slots.give('interactive')
  slots.take('background')
  expect([slots.isFree('interactive'), slots.isFree('background')]).toEqual([false, false])
  slots.give('background')
  slots.give('background')
  expect([slots.isFree('interactive'), slots.isFree('background')]).toEqual([true, true])
})
