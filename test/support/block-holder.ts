/** Holders of blocks that are played by hand, over a network in memory. */
import { randomBytes } from 'node:crypto'
import { createChunker, encodeBlockList } from '../../src/chunk/index.ts'
import { ANNOUNCE_INIT, ANNOUNCE_PROTOCOL } from '../../src/sync/announce/overlay.ts'
import { encodeAnnounce } from '../../src/sync/announce/messages.ts'
import { decodeBlockRequest, encodeBlockAnswer } from '../../src/sync/blocks/messages.ts'
import { BLOCKS_INIT, BLOCKS_PROTOCOL } from '../../src/sync/blocks/server.ts'
import { MAX_BLOCK_PIECE_BYTES } from '../../src/sync/limits.ts'
import { sign } from './files-mesh.ts'
import type { PeerId } from '../../src/keys/index.ts'
import type { BlockAnswer, BlockRequest } from '../../src/sync/blocks/messages.ts'
import type { FrameStream } from '../../src/transport/index.ts'
import type { FilesState } from './files-mesh.ts'
import type { Mesh, MeshNode } from './mesh.ts'

export const createContent = (name: string, sizeBytes: number) => {
  const bytes = randomBytes(sizeBytes)
  const chunker = createChunker()
  chunker.update(bytes)
  const { list } = chunker.end()
  return { name, bytes, list }
}
export type TestContent = ReturnType<typeof createContent>

export const listAnswer = (id: number, { list }: TestContent): BlockAnswer => {
  const bytes = encodeBlockList(list)
  return { type: 'list', id, sizeBytes: bytes.length, offset: 0, bytes }
}

/** All pieces of a block. */
export const blockAnswers = (
  id: number,
  { bytes, list }: TestContent,
  index: number,
): BlockAnswer[] => {
  const start = list.blocks.slice(0, index).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const block = bytes.subarray(start, start + (list.blocks[index]?.sizeBytes ?? 0))
  return Array.from({ length: Math.ceil(block.length / MAX_BLOCK_PIECE_BYTES) }, (_, at) => {
    const offset = at * MAX_BLOCK_PIECE_BYTES
    const piece = block.subarray(offset, offset + MAX_BLOCK_PIECE_BYTES)
    return { type: 'piece', id, index, offset, bytes: piece }
  })
}

export type Say = (...answers: readonly BlockAnswer[]) => Promise<void>

export interface PlayedHolder {
  readonly peerId: PeerId
  /** Streams of blocks that were opened to it, the first one first. */
  readonly streams: readonly FrameStream[]
  /** Whether one of them is open. */
  isAsked(): boolean
  /** Tells the node of the content, as one that has it. */
  publish(content: TestContent): Promise<void>
}

/** A member that is connected to the node; what is asked of it goes to `answer`. */
export const playHolder = async (
  mesh: Mesh<FilesState>,
  node: MeshNode<FilesState>,
  name: string,
  answer: (request: BlockRequest, say: Say, stream: FrameStream) => Promise<void>,
): Promise<PlayedHolder> => {
  const holder = await mesh.stranger(name)
  const streams: FrameStream[] = []
  let open = 0
  holder.handle(ANNOUNCE_PROTOCOL, ANNOUNCE_INIT, async (stream) => {
    await stream.receive()
    await stream.send(encodeAnnounce({ type: 'refusal', reason: 'full' }))
  })
  holder.handle(BLOCKS_PROTOCOL, BLOCKS_INIT, async (stream) => {
    streams.push(stream)
    const say: Say = async (...answers) => {
      for (const each of answers) await stream.send(encodeBlockAnswer(each))
    }
    open++
    try {
      for (;;) {
        const frame = await stream.receive()
        if (frame === undefined) return
        await answer(decodeBlockRequest(frame), say, stream)
      }
    } finally {
      open--
    }
  })
  await mesh.run(holder.dial(node.transport.addresses()[0] ?? ''))
  return {
    peerId: holder.peerId,
    streams,
    isAsked: () => open > 0,
    async publish({ name, bytes }) {
      const signed = await sign({ name, content: bytes, listed: true })
      const from = { kind: 'peer', peer: holder.peerId } as const
      await mesh.run(node.state.files.accept(signed, undefined, from))
    },
  }
}
