/** What a request says beside a statement, and what a daemon tells without being asked again. */
import { readEventStream } from '../../../src/client/event-stream.ts'
import { readVerification } from '../../../src/client/verify.ts'
import { formatCursor, parseCursor } from '../../../src/feed/cursor.ts'
import { matchesStrongly, matchesTag } from '../../../src/http/range.ts'
import { hasToken, parseTokens } from '../../../src/http/tokens.ts'
import { holds } from '../engine.ts'
import type { Decoder } from '../engine.ts'

const TOKENS = ['a'.repeat(32), `${'b'.repeat(40)}==`]
const tokenDigests = parseTokens(TOKENS.join('\n'))

/** Whether a field has one of them, said in another way. */
const namesToken = (field: string): boolean =>
  field.slice(0, 7).toLowerCase() === 'bearer ' &&
  TOKENS.some((token) => field.endsWith(` ${token}`) && /^ *$/.test(field.slice(6, -token.length)))

const TAG = '"abc"'

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
    seeds: TOKENS.flatMap((token) => [
      ...[`Bearer ${token}`, `bearer   ${token}`, `Bearer ${token} `, `Bearer\t${token}`],
      ...[`Bearer ${token.slice(1)}`, `Bearer ${token}${token}`, token],
    ]),
    run: ({ text }) => {
      holds(hasToken(text, []) !== true, 'right where there is none')
      const found = hasToken(text, tokenDigests) === true
      holds(found === namesToken(text), found ? 'right without a token' : 'wrong with a token')
    },
  },
  {
    name: 'http/range.ts#matchesStrongly',
    text: true,
    seeds: [TAG, `"x", ${TAG}`, '*'],
    run: ({ text }) => {
      const matches = matchesStrongly(text, [TAG])
      const isAny = text.trim() === '*'
      holds(!matches || isAny || text.includes(TAG), 'a tag that is not there')
      holds(matchesStrongly(`${text},${TAG}`, [TAG]), 'a tag that is there is not found')
      const weak = text.replaceAll(TAG, `W/${TAG}`)
      holds(isAny || !matchesStrongly(weak, [TAG]), 'a weak tag is as good as a strong one')
      holds(matchesStrongly(text, []) === false || isAny === false, 'any where there is none')
    },
  },
  {
    name: 'http/range.ts#matchesTag',
    text: true,
    seeds: [TAG, `W/${TAG}`, `"x", W/${TAG}`, '*'],
    run: ({ text }) => {
      const matches = matchesTag(text, TAG)
      holds(!matches || text.trim() === '*' || text.includes(TAG), 'a tag that is not there')
      holds(matches || !matchesStrongly(text, [TAG]), 'a strong tag is worth less than a weak one')
      for (const more of [TAG, `W/${TAG}`]) {
        holds(matchesTag(`${text}, ${more}`, TAG), 'a tag that is there is not found')
      }
    },
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
