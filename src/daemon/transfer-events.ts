import { parseFileName } from '../statement/index.ts'
import type { Feed, NewEvent } from '../feed/index.ts'
import type { Files } from '../files/index.ts'
import type { Worker, Workers } from '../observe/index.ts'
import type { Serving, Sync, Transfer } from '../sync/index.ts'
import type { Digest } from '../util/index.ts'

const INTERVAL_MS = 1_000

type Seen = Omit<Extract<NewEvent, { type: 'transfer' }>, 'phase'>

const ofReceiving = ({ name, doneBytes, ofBytes, holders }: Transfer): Seen => {
  const [only, another] = holders
  return {
    ...{ type: 'transfer', direction: 'receiving', name, doneBytes, totalBytes: ofBytes },
    peerId: another === undefined ? (only?.peer ?? null) : null,
  }
}

/**
 * Tells the feed how far content on its way has come: when it begins and ends, and each second
 * meanwhile. On the unix socket only, as transfers are.
 */
export const keepTransferEvents = (
  {
    sync,
    files,
    workers,
  }: {
    sync: Pick<Sync, 'transfers'>
    files: Pick<Files, 'view'>
    workers: Workers
  },
  { feed }: { feed: Pick<Feed, 'add'> },
): Worker => {
  /** By direction, peer, name and content. */
  let before = new Map<string, { seen: Seen; digest: Digest }>()

  const contentOf = (name: string) => {
    const view = files.view(parseFileName(name))
    const content = view?.winner?.signed.statement.content
    if (view === undefined || content === undefined || content === 'deleted') return undefined
    return { ...content, isShown: view.state === 'shown' }
  }
  /** What a reader got from others nobody here knows: for us, sending is done when it ends. */
  const isDone = ({ direction, name }: Seen, digest: Digest): boolean => {
    if (direction === 'sending') return true
    const content = contentOf(name)
    return content?.digest === digest && content.isShown
  }
  const ofSending = ({ name, bytes, peer }: Serving): Seen => ({
    ...{ type: 'transfer', direction: 'sending', name, doneBytes: bytes, peerId: peer },
    totalBytes: contentOf(name)?.sizeBytes ?? 0,
  })

  const look = (): void => {
    const { receiving, sending } = sync.transfers()
    const now = new Map<string, { seen: Seen; digest: Digest }>()
    for (const each of receiving) {
      now.set(`in ${each.name} ${each.digest}`, { seen: ofReceiving(each), digest: each.digest })
    }
    for (const each of sending) {
      const key = `out ${each.peer} ${each.name} ${each.digest}`
      now.set(key, { seen: ofSending(each), digest: each.digest })
    }
    for (const [key, { seen }] of now) {
      const last = before.get(key)?.seen
      if (last?.doneBytes === seen.doneBytes) continue
      feed.add({ ...seen, phase: last === undefined ? 'begun' : 'progress' }, 'local')
    }
    for (const [key, { seen, digest }] of before) {
      if (now.has(key)) continue
      const done = isDone(seen, digest)
      const doneBytes = done && seen.direction === 'receiving' ? seen.totalBytes : seen.doneBytes
      feed.add({ ...seen, doneBytes, phase: done ? 'done' : 'failed' }, 'local')
    }
    before = now
  }

  return workers.add({
    name: 'transfer-events',
    intervalMs: INTERVAL_MS,
    jitter: 0,
    run: async () => look(),
  })
}
