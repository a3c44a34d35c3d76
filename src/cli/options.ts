import { InvalidArgumentError, Option } from 'commander'

/** `--limit N`: without it lists are complete. */
export function limitOption(): Option {
  return new Option('--limit <number>', 'print at most this many').argParser(parseCount)
}

/** `--no-wait`: without it the command follows the job that it caused. */
export function noWaitOption(): Option {
  return new Option('--no-wait', 'return at once instead of waiting for the job')
}

/** A whole number from 1. Throws what commander reports as wrong use. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new InvalidArgumentError('Give a whole number from 1.')
  }
  return Number(text)
}
