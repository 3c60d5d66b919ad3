/**
 * A block in memory while it goes out. It takes one of the places for all readers together, and can be
 * let go of half-way: then it is read again for the next piece.
 */
import type { BufferPool } from '../../util/index.ts'
import type { Slots } from './slots.ts'

export interface HeldBlock {
  /** Its bytes, read if they are not in memory; `undefined`: it is not here any more. */
  bytes(): Promise<Uint8Array | undefined>
  /** Gives the place to others, while whoever reads is slow. The buffer may still be read from. */
  letGo(): void
  /** Nobody reads from the buffer any more. */
  end(): void
}

export interface HeldBlockInit {
  readonly buffers: BufferPool
  readonly slots: Slots
  readonly signal: AbortSignal
  /** Asked once there is a place. */
  readonly sizeBytes: () => number
  readonly read: (into: Uint8Array) => Promise<Uint8Array | undefined>
}

export const createHeldBlock = (init: HeldBlockInit): HeldBlock => {
  const { buffers, slots, signal } = init
  let held: { readonly bytes: Uint8Array; release(): void; give(): void } | undefined

  const letGo = (): void => {
    held?.release()
    held = undefined
  }

  return {
    async bytes() {
      if (held !== undefined) return held.bytes
      const release = await slots.take(signal)
      const buffer = buffers.take(init.sizeBytes())
      const give = (): void => buffers.give(buffer)
      const bytes = await init.read(buffer).catch((error: unknown) => {
        release()
        give()
        throw error
      })
      if (bytes === undefined) {
        release()
        give()
      } else held = { bytes, release, give }
      return bytes
    },
    letGo,
    end() {
      held?.give()
      letGo()
    },
  }
}
