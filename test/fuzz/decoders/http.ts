/** What a request says beside a statement, and what a daemon tells without being asked again. */
import { readEventStream } from '../../../src/client/event-stream.ts'
import { readVerification } from '../../../src/client/verify.ts'
import { formatCursor, parseCursor } from '../../../src/feed/cursor.ts'
import { matchesStrongly } from '../../../src/http/range.ts'
import { hasToken, parseTokens } from '../../../src/http/tokens.ts'
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
    name: 'http/tokens.ts#parseTokens',
    text: true,
    seeds: [`# of alice\n${'a'.repeat(32)}\n`, 'Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy=\r\n\n'],
    run: ({ text }) => holds(parseTokens(text).length > 0, 'no token'),
  },
  {
    name: 'http/tokens.ts#hasToken',
    text: true,
    seeds: [`Bearer ${'a'.repeat(32)}`],
    run: ({ text }) => holds(hasToken(text, []) !== true, 'right where there is none'),
  },
  {
    name: 'http/range.ts#matchesStrongly',
    text: true,
    seeds: ['"abc"', '"x", "abc"', '*'],
    run: ({ text }) => matchesStrongly(text, ['"abc"']),
  },
  {
    name: 'client/verify.ts#readVerification',
    seeds: [
      '{"type":"progress","doneBlocks":1,"ofBlocks":2,"doneBytes":3,"ofBytes":4}\n{"type":"x"}\n',
      '{"type":"problem","code":"ERR_ABORTED","detail":"d"}\n',
    ].map((text) => Buffer.from(text)),
    anySeeds: true,
    run: async ({ bytes }) => {
      const chunks = (async function* () {
        yield bytes
      })()
      const answer = { status: 200, headers: {}, chunks, close() {} }
      await readVerification('http://a', answer, () => {})
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
