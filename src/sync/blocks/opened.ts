/** One content that a reader has open: what we have of it, and what the reader was told of that. */
import { MAX_GAINED_INDEXES } from '../limits.ts'
import { createBitmap } from './bitmap.ts'
import { createMeter } from './meter.ts'
import { keyOfContent } from './source.ts'
import type { Clock } from '../../util/index.ts'
import type { Bitmap } from './bitmap.ts'
import type { BlockAnswer } from './messages.ts'
import type { Meter } from './meter.ts'
import type { BlockSource, ContentName } from './source.ts'

export interface Opened {
  readonly id: number
  readonly content: ContentName
  readonly key: string
  readonly startedAtMs: number
  readonly meter: Meter
  source: BlockSource | undefined
  /** What the reader was told that we have; `undefined`: nothing yet. */
  told: Bitmap | 'all' | 'none' | undefined
  /** Blocks asked for and not given. */
  readonly asked: Set<number>
  closed: boolean
}

export const createOpened = (
  components: { clock: Clock },
  { id, content }: Pick<Opened, 'id' | 'content'>,
): Opened => ({
  ...{ id, content, key: keyOfContent(content) },
  startedAtMs: components.clock.nowMs(),
  meter: createMeter(components),
  source: undefined,
  told: undefined,
  asked: new Set(),
  closed: false,
})

/** What the reader has to be told of all that we have, if that is news. */
export const newsOf = (opened: Opened): BlockAnswer | undefined => {
  const { id, source, told } = opened
  if (source === undefined || source.isComplete()) {
    // Without a source it is open all the same: it may come to be served a moment later.
    const type = source === undefined ? 'none' : 'all'
    opened.told = type
    return told === type ? undefined : { type, id }
  }
  const length = source.list()?.blocks.length ?? 0
  if (typeof told === 'object' && told.length === length) return undefined
  const have = createBitmap(length)
  for (let index = 0; index < length; index++) if (source.has(index)) have.add(index)
  opened.told = have
  return { type: 'some', id, count: length, have: have.bytes }
}

/** What the reader has to be told after blocks have come. */
export const newsOfGained = (opened: Opened): BlockAnswer | undefined => {
  const { id, source, told } = opened
  if (source === undefined) return undefined
  const length = source.list()?.blocks.length ?? 0
  if (source.isComplete() || typeof told !== 'object' || told.length !== length) {
    return newsOf(opened)
  }
  const indexes: number[] = []
  for (let index = 0; index < length && indexes.length < MAX_GAINED_INDEXES; index++) {
    if (source.has(index) && told.add(index)) indexes.push(index)
  }
  return indexes.length === 0 ? undefined : { type: 'gained', id, indexes }
}
