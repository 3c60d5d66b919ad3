import { blockPath, DAMAGED_DIRECTORY, damagedPath } from './paths.ts'
import { MAX_DAMAGED_FILES } from './limits.ts'
import type { EventEmitter } from 'node:events'
import type { Disk } from '../disk/index.ts'
import type { Health, Logger } from '../observe/index.ts'
import type { Digest } from '../util/index.ts'
import type { Catalogue } from './catalogue.ts'
import type { BlocksEvents, Owner } from './types.ts'

/** What is done about blocks that are not what they were. Callers hold the lock of a stored one. */
export interface Damage {
  /** A stored block is wrong, or its file is gone. */
  stored(digest: Digest): Promise<void>
  /** A block in the content of `owner` is wrong. */
  served(digest: Digest, owner: Owner): Promise<void>
  /** A content is wrong as a whole. */
  content(owner: Owner): Promise<void>
  /** Has health say what is so. */
  review(): void
  /** Says again what is still to be mended. */
  announce(): void
}

const WARNING = 'blocks-damaged'

export const createDamage = (components: {
  readonly catalogue: Catalogue
  readonly disk: Disk
  readonly health: Health
  readonly logger: Logger
  readonly clock: { nowMs(): number }
  readonly events: EventEmitter<BlocksEvents>
  refresh(digests: Iterable<Digest>): void
}): Damage => {
  const { catalogue, disk, health, logger, clock, events, refresh } = components
  let isRaised = false

  /** Keeps the bytes to be looked at; a full or broken disk must not stop us from reporting. */
  const putAside = async (digest: Digest, from: string): Promise<void> => {
    try {
      const there = await disk.list(DAMAGED_DIRECTORY)
      for (const path of there.slice(0, Math.max(0, there.length - MAX_DAMAGED_FILES + 1))) {
        await disk.remove(path)
      }
      if ((await disk.stat(from)) !== undefined) await disk.rename(from, damagedPath(digest))
    } catch (error) {
      logger.warn({ digest, error }, 'a damaged block could not be put aside')
      await disk.remove(from).catch(() => {})
    }
  }

  const review = (): void => {
    const count = catalogue.damageCount()
    if (count === 0) {
      if (isRaised) health.clear(WARNING)
      isRaised = false
      return
    }
    isRaised = true
    health.raise({
      code: WARNING,
      subject: '',
      severity: 'warning',
      message: `${count} ${count === 1 ? 'block was' : 'blocks were'} found damaged and ${count === 1 ? 'is' : 'are'} not served; what is kept is fetched again; look after the disk, and run: mesh blocks verify`,
    })
  }

  return {
    async stored(digest) {
      const stored = catalogue.stored(digest)
      if (stored === undefined) return
      const owners = await catalogue.loseStored(digest, clock.nowMs())
      refresh([digest])
      logger.error({ digest, owners }, 'a stored block is damaged')
      if (stored.place === 'file') await putAside(digest, blockPath(digest))
      review()
      for (const owner of owners.length > 0 ? owners : [undefined]) {
        events.emit('damage', { digest, owner, where: 'stored' })
      }
    },
    async served(digest, owner) {
      if (!(await catalogue.loseServed(digest, owner, clock.nowMs()))) return
      logger.error({ digest, owner }, 'a block in a content is damaged')
      review()
      events.emit('damage', { digest, owner, where: 'content' })
    },
    async content(owner) {
      if (!(await catalogue.loseContent(owner, clock.nowMs()))) return
      logger.error({ owner }, 'a content is not what was signed, though its blocks are right')
      review()
      events.emit('damage', { digest: undefined, owner, where: 'content' })
    },
    review,
    announce() {
      for (const { key } of catalogue.damages()) {
        const { digest, owner } = key
        const isWhole = owner !== undefined && catalogue.owner(owner)?.content === digest
        if (owner !== undefined) {
          events.emit('damage', { digest: isWhole ? undefined : digest, owner, where: 'content' })
          continue
        }
        for (const ref of catalogue.pinnedBy(digest)) {
          events.emit('damage', { digest, owner: ref, where: 'stored' })
        }
      }
    },
  }
}
