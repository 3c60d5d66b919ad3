/** What a request says beside a statement. */
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
]
