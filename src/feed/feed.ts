import { MeshError } from '../errors/index.ts'
import { OLDEST_CURSOR } from '../api/index.ts'
import { createTokenBucket, toHex } from '../util/index.ts'
import { formatCursor, parseCursor } from './cursor.ts'
import { createFilter } from './filter.ts'
import { MAX_EVENT_READERS, MAX_EVENTS_HELD, MAX_EVENTS_HELD_BYTES } from './limits.ts'
import { MAX_EVENTS_PER_TURN, MAX_REFUSALS_TOLD_PER_SECOND } from './limits.ts'
import { createRing } from './ring.ts'
import type { GapBody } from '../api/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Filtered } from './filter.ts'
import type { Batch, Feed, FeedReader, NewEvent, ReadInit, Told } from './types.ts'

/** An event as it is held: its JSON lacks the place, which differs between the rings. */
interface Held extends Filtered {
  /** Everything after the cursor, without the opening brace. */
  readonly rest: string
}

/** What an entry takes beside its JSON, roughly. */
const ENTRY_BYTES = 100

/** One ring and those who read it. */
const createChannel = (
  { clock, random }: { clock: Pick<Clock, 'nowMs'>; random: Random },
  bounds: { readonly maxItems: number; readonly maxBytes: number },
) => {
  const id = toHex(random.bytes(8))
  const ring = createRing<Held>(bounds)
  const waiting = new Set<() => void>()
  let readers = 0

  /** The number behind which a reader begins, and whether it missed something before. */
  const locate = (cursor: string | undefined): { after: number; lost?: number | null } => {
    const before = ring.oldest() - 1
    if (cursor === undefined) return { after: ring.newest() }
    if (cursor === OLDEST_CURSOR) return { after: before }
    const { ring: of, sequence } = parseCursor(cursor)
    if (of !== id || sequence > ring.newest()) return { after: before, lost: null }
    return sequence < before ? { after: before, lost: before - sequence } : { after: sequence }
  }

  const read = (init: ReadInit): FeedReader => {
    const wants = createFilter(init)
    const found = locate(init.cursor)
    if (readers >= MAX_EVENT_READERS) {
      const message = `${MAX_EVENT_READERS} readers of events are connected; try again later`
      throw new MeshError('ERR_LIMIT_EXCEEDED', message)
    }
    readers++
    let open = true
    let { after } = found
    let lost: number | null | undefined = found.lost

    const takeGap = (): GapBody | undefined => {
      const before = ring.oldest() - 1
      if (after < before) {
        lost = lost === null ? null : (lost ?? 0) + before - after
        after = before
      }
      if (lost === undefined) return undefined
      const missed = lost
      lost = undefined
      const at = new Date(clock.nowMs()).toISOString()
      return { cursor: formatCursor({ ring: id, sequence: after }), at, type: 'gap', missed }
    }

    const take = (bounds: { maxEvents: number; maxBytes: number }): Batch => {
      const gap = takeGap()
      const events: Told[] = []
      let bytes = 0
      for (let turn = 0; turn < MAX_EVENTS_PER_TURN && after < ring.newest(); turn++) {
        if (events.length >= bounds.maxEvents || bytes >= bounds.maxBytes) break
        after++
        const held = ring.at(after)
        if (held === undefined || !wants(held)) continue
        const cursor = formatCursor({ ring: id, sequence: after })
        const json = `{"cursor":"${cursor}",${held.rest}`
        bytes += json.length
        events.push({ cursor, type: held.type, json })
      }
      return { gap, events, more: after < ring.newest() }
    }

    return {
      cursor: () => formatCursor({ ring: id, sequence: after }),
      take,
      wait: (signal) =>
        new Promise((resolve) => {
          if (signal.aborted || after < ring.newest() || lost !== undefined) return resolve()
          const wake = (): void => {
            waiting.delete(wake)
            signal.removeEventListener('abort', wake)
            resolve()
          }
          waiting.add(wake)
          signal.addEventListener('abort', wake)
        }),
      close() {
        if (open) readers--
        open = false
      },
    }
  }

  return {
    read,
    readers: () => readers,
    push(held: Held): void {
      ring.push(held, held.rest.length + ENTRY_BYTES)
      for (const wake of [...waiting]) wake()
    },
  }
}

/** What happened since the start, for readers that come and go. */
export const createFeed = (
  components: { clock: Pick<Clock, 'nowMs' | 'monotonicMs'>; random: Random },
  init: { readonly maxEvents?: number; readonly maxBytes?: number } = {},
): Feed => {
  const { clock } = components
  const bounds = {
    maxItems: init.maxEvents ?? MAX_EVENTS_HELD,
    maxBytes: init.maxBytes ?? MAX_EVENTS_HELD_BYTES,
  }
  const local = createChannel(components, bounds)
  const open = createChannel(components, bounds)
  const perSecond = MAX_REFUSALS_TOLD_PER_SECOND
  const refusals = createTokenBucket({ clock }, { perSecond, burst: perSecond * 10 })
  let suppressed = 0
  let told = 0

  /** The event as it is told; `undefined`: it is only counted. */
  const throttled = (event: NewEvent): NewEvent | undefined => {
    if (event.type !== 'file-refused') return event
    if (!refusals.tryTake(1)) {
      suppressed++
      return undefined
    }
    const counted = { ...event, suppressed }
    suppressed = 0
    return counted
  }

  return {
    add(event, audience) {
      const telling = throttled(event)
      if (telling === undefined) return
      told++
      const { type } = telling
      const name = 'name' in telling ? telling.name : undefined
      const at = new Date(clock.nowMs()).toISOString()
      const held = { type, name, rest: JSON.stringify({ at, ...telling }).slice(1) }
      if (audience !== 'public') local.push(held)
      if (audience !== 'local') open.push(held)
    },
    read: (reading) => (reading.local ? local : open).read(reading),
    readers: () => local.readers() + open.readers(),
    told: () => told,
  }
}
