/** What a request says beside a statement, and what a daemon tells without being asked again. */
import { readEventStream } from '../../../src/client/event-stream.ts'
import { formatCursor, parseCursor } from '../../../src/feed/cursor.ts'
import { holds } from '../engine.ts'
import type { Decoder } from '../engine.ts'

export const httpDecoders: readonly Decoder[] = [
  {
    name: 'feed/cursor.ts#parseCursor',
    text: true,
    seeds: ['0123456789abcdef-0', '0123456789abcdef-12345'],
    run: ({ text }) => {
      const cursor = parseCursor(text)
      holds(formatCursor(cursor) === text, `${text} is not the only spelling`)
      holds(Number.isSafeInteger(cursor.sequence), `${cursor.sequence} is exact`)
    },
  },
  {
    name: 'client/event-stream.ts#readEventStream',
    text: false,
    seeds: [
      'retry: 1\nid: a-1\nevent: start\ndata: {}\n\n: still here\nid: a-2\n\n',
      'data: a\r\ndata: b\r\n\r\nid\nevent\n\n\n',
    ].map((text) => Buffer.from(text)),
    run: async ({ bytes }) => {
      const whole = await blocksOf([bytes])
      const cut = await blocksOf([
        bytes.subarray(0, bytes.length / 2),
        bytes.subarray(bytes.length / 2),
      ])
      holds(whole === cut, 'it depends on where the pieces are cut')
    },
  },
]

const blocksOf = async (pieces: readonly Uint8Array[]): Promise<string> => {
  const chunks = (async function* () {
    yield* pieces
  })()
  const blocks: unknown[] = []
  for await (const block of readEventStream('http://a', chunks)) blocks.push(block)
  return JSON.stringify(blocks)
}
