/** A holder's part in a fetch without a stream, which notes what it is asked. */
import { createMeter } from '../../src/sync/blocks/meter.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { Link, LinkedContent } from '../../src/sync/blocks/link.ts'
import type { Part } from '../../src/sync/blocks/part.ts'
import type { VirtualClock } from './virtual-clock.ts'

export interface TestPart extends Part {
  /** `list`, `cancel 1` and so on. */
  readonly said: string[]
}

export const createTestPart = (clock: VirtualClock, name: string, init: Partial<Part> = {}) => {
  const said: string[] = []
  const peer = name as PeerId
  const linked: LinkedContent = {
    askList: () => said.push('list'),
    ask: (blocks) => said.push(...blocks.map(({ index }) => `ask ${index}`)),
    cancel: (indexes) => said.push(...indexes.map((index) => `cancel ${index}`)),
    mayAsk: () => true,
    close: () => said.push('close'),
  }
  const link: Link = {
    ...{ peer, size: () => 1, users: () => 1, bytesPerSecond: () => 0, roomBytes: () => 2 ** 20 },
    ...{ isIdle: () => true, open: () => linked },
    ...{ check: () => {}, end: () => said.push('end') },
  }
  const part: TestPart = {
    ...{ peer, link, linked, said, meter: createMeter({ clock }), have: 'all' },
    ...{ asked: new Map(), elsewhere: new Map(), absent: new Set(), retractions: 0 },
    movedMs: Number.NEGATIVE_INFINITY,
    term: { sinceMs: clock.monotonicMs(), bytes: 0, asked: false },
    ...init,
  }
  return part
}
