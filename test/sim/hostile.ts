/** A member of the network that speaks the protocols by hand, and says what a scenario has it say. */
import { encodeAnnounce, decodeAnnounce } from '../../src/sync/announce/messages.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../src/sync/announce/overlay.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { addressOf, peerIdOf } from './machine.ts'
import { during } from './time.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { FrameStream } from '../../src/transport/index.ts'
import type { Machine } from './machine.ts'
import type { World } from './world.ts'

export interface Hostile {
  readonly peerId: PeerId
  /** Announces one record, as a neighbour does; answers once it is sent. */
  tell(victim: Machine, record: Uint8Array): Promise<void>
}

const MAX_GREETINGS = 20
const AGAIN_MS = 5_000

/** `number`: one that no machine of the world has. */
export const createHostile = async (world: World, number: number): Promise<Hostile> => {
  const peerId = peerIdOf(number)
  const transport = world.network.createTransport({
    ...{ peerId, name: `h${number}`, logger: silentLogger, address: addressOf(number) },
  })
  await transport.start()

  const greet = async (victim: Machine): Promise<FrameStream | undefined> => {
    const stream = await during(
      world,
      transport.open(victim.peerId, ANNOUNCE_PROTOCOL, ANNOUNCE_INIT),
    )
    await stream.send(encodeAnnounce({ type: 'hello' }))
    const answer = await during(world, stream.receive())
    if (answer !== undefined && decodeAnnounce(answer).type === 'welcome') return stream
    stream.abort(new Error('not welcome'))
    return undefined
  }

  return {
    peerId,
    async tell(victim, record) {
      await during(world, transport.dial(victim.address))
      for (let count = 0; count < MAX_GREETINGS; count++) {
        const stream = await greet(victim)
        if (stream !== undefined) {
          const items = [{ holds: false, record }]
          return stream.send(encodeAnnounce({ type: 'items', collection: 'files', items }))
        }
        // The victim is asking us at the same moment, and finds that we do not serve it.
        await world.clock.advance(AGAIN_MS)
      }
      throw new Error(`${victim.name} welcomes nobody`)
    },
  }
}
