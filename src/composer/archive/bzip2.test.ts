import { describe, expect, test } from 'bun:test'
import { streamOf } from '../../../test/kit/archives.ts'
import { decompressBzip2 } from './bzip2.ts'

/** Written by bzip2 1.0.8. `blocks` has three blocks of 100,000 bytes. */
const SAMPLES: Record<string, { packed: string; text: string }> = {
  empty: { packed: 'QlpoORdyRThQkAAAAAA=', text: '' },
  runs: { packed: 'QlpoOTFBWSZTWQNJFFkAAALBAEIAMAAgADDNNBjIsgV4u5IpwoSAGkiiyA==', text: 'aaaaaaaaabbbb' },
  blocks: {
    packed:
      'QlpoMTFBWSZTWaFpmN8AjgTBgAAQAiDUACAAcEMAFKUPKZAVDaAqGwFQ2AqHQFQ+gKh0BUM6AqGQFQ6AqH5igrJMprIt84g6APiIgwAAIARBqABAAOCGAClUZk+gKhiAqGIFQyAqGwFQ6gVDYCobAVD+AqGwFQ8YoKyTKayHaQE9gDMqoMAACAEQagAQADghgBNVRmT6BIsIJFiCRZAkWwJF1BItgSLYEi/QSLYEi8LuSKcKEhTQ/Sfg',
    text: 'repertoire\n'.repeat(24_000),
  },
}

const packedOf = (name: string) => new Uint8Array(Buffer.from(SAMPLES[name]?.packed ?? '', 'base64'))

async function unpack(packed: Uint8Array, chunkSize = 7): Promise<string> {
  const chunks = await Array.fromAsync(decompressBzip2(streamOf(packed, chunkSize)))
  return Buffer.concat(chunks).toString()
}

describe('bzip2', () => {
  test.each(Object.keys(SAMPLES))('%s is unpacked, whatever the chunks', async (name) => {
    for (const chunkSize of [1, 7, 1000]) {
      expect(await unpack(packedOf(name), chunkSize)).toBe(SAMPLES[name]?.text ?? '')
    }
  })

  test('streams in a row are one file', async () => {
    const joined = Buffer.concat([packedOf('runs'), packedOf('empty'), packedOf('blocks')])

    expect(await unpack(joined)).toBe(`${SAMPLES['runs']?.text}${SAMPLES['blocks']?.text}`)
  })

  test('every cut and every changed bit is noticed', async () => {
    const whole = packedOf('runs')
    for (let length = 0; length < whole.length; length += 1) {
      await expect(unpack(whole.subarray(0, length))).rejects.toThrow()
    }
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const changed = whole.slice()
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const unpacked = await unpack(changed).catch(() => 'refused')
      // A larger block size, and the padding of the last byte, change nothing.
      expect(['refused', SAMPLES['runs']?.text]).toContain(unpacked)
    }
  })

  test('anything behind the end is refused', async () => {
    await expect(unpack(Buffer.concat([packedOf('runs'), Buffer.from('more')]))).rejects.toMatchObject({
      refusal: { rule: 'damaged' },
    })
  })

  test('a run of the longest kind comes in bounded pieces', async () => {
    const chunks = decompressBzip2(streamOf(packedOf('blocks')))

    for await (const chunk of chunks) {
      expect(chunk.length).toBeLessThanOrEqual(64 * 1024)
    }
  })
})
