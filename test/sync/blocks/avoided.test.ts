import t from 'tap'
import { createAvoided } from '../../../src/sync/blocks/avoided.ts'
import { HOLDER_COOLDOWN_MS } from '../../../src/sync/limits.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { PeerId } from '../../../src/keys/index.ts'

t.test(
  'a peer is avoided for a while, and forgotten though nobody asks about it again',
  async (t) => {
    const clock = createVirtualClock()
    const avoided = createAvoided({ clock })
    const a = 'a' as PeerId
    avoided.add(a)
    await clock.advance(HOLDER_COOLDOWN_MS - 1)
    t.ok(avoided.has(a))
    avoided.add('again' as PeerId)
    await clock.advance(1)
    t.notOk(avoided.has(a))
    for (let index = 0; index < 100; index++) {
      avoided.add(`${index}` as PeerId)
      await clock.advance(HOLDER_COOLDOWN_MS / 4)
    }
    t.ok(avoided.size <= 5, `${avoided.size} are remembered`)
  },
)
