/** The block that is coming in over one stream, piece by piece: one at a time, and only as asked for. */
import { MIN_BLOCK_PIECE_BYTES } from '../limits.ts'
import { malformed } from '../wire.ts'
import type { BufferPool } from '../../util/index.ts'
import type { BlockPiece } from './messages.ts'

/** A block that a holder was asked for. */
export interface Asked {
  readonly sizeBytes: number
  /** It is not wanted any more, and may come all the same. */
  dropped: boolean
}

/** A block all of whose pieces are here. */
export interface Arrived {
  readonly asked: Asked
  /** Empty, if nobody wants it any more. */
  readonly bytes: Uint8Array
  /** What they lie in. */
  readonly buffer: Uint8Array
}

interface Incoming extends Arrived {
  readonly id: number
  readonly index: number
  filled: number
}

export interface Inbox {
  /**
   * Takes a piece; answers with the block once it is whole.
   *
   * @throws MeshError `ERR_PROTOCOL_MALFORMED`
   */
  take(piece: BlockPiece): Arrived | undefined
}

export interface InboxInit {
  readonly buffers: BufferPool
  /** What was asked for as this block of the content with this id. */
  readonly askedFor: (id: number, index: number) => Asked | undefined
  /** So many bytes of a block have come. */
  readonly onBytes: (bytes: number) => void
}

export const createInbox = ({ buffers, askedFor, onBytes }: InboxInit): Inbox => {
  let incoming: Incoming | undefined

  const begin = (id: number, index: number): Incoming => {
    const asked = askedFor(id, index)
    if (asked === undefined) throw malformed(`block ${index} that was not asked for`)
    const buffer = asked.dropped ? new Uint8Array() : buffers.take(asked.sizeBytes)
    const bytes = buffer.subarray(0, asked.sizeBytes)
    return { id, index, asked, bytes, buffer, filled: 0 }
  }

  return {
    take({ id, index, offset, bytes }) {
      incoming ??= begin(id, index)
      const current = incoming
      const { sizeBytes } = current.asked
      const leftBytes = sizeBytes - current.filled
      if (id !== current.id || index !== current.index || offset !== current.filled) {
        throw malformed(`block ${index} at ${offset} in the middle of another`)
      }
      if (bytes.length > leftBytes) throw malformed(`more than the ${sizeBytes} bytes of a block`)
      if (bytes.length < leftBytes && bytes.length < MIN_BLOCK_PIECE_BYTES) {
        throw malformed(`a piece of ${bytes.length} bytes in the middle of a block`)
      }
      if (current.bytes.length > 0) current.bytes.set(bytes, current.filled)
      current.filled += bytes.length
      onBytes(bytes.length)
      if (current.filled < sizeBytes) return undefined
      incoming = undefined
      return current
    },
  }
}
