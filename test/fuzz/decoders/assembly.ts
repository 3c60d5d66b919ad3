/** What peers send in several messages, put together again. */
import { encodeBlockList } from '../../../src/chunk/block-list.ts'
import { ListInbox } from '../../../src/sync/blocks/list-inbox.ts'
import { decodeBlockAnswer, encodeBlockAnswer } from '../../../src/sync/blocks/messages.ts'
import { decodePushPull, encodePushPull } from '../../../src/sync/push-pull/messages.ts'
import { createNameReader, digestOfNames } from '../../../src/sync/push-pull/names.ts'
import { createFrameBuffer } from '../../../src/transport/frame-buffer.ts'
import { sha256 } from '../../../src/util/index.ts'
import { createTestPart } from '../../support/block-part.ts'
import { createFakeCollection } from '../../support/fake-collection.ts'
import { createSeededRandom } from '../../support/random.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import { holds } from '../engine.ts'
import type { Decoder } from '../engine.ts'

const MAX_FRAME_BYTES = 2 ** 18

const framed = (...messages: readonly Uint8Array[]): Buffer =>
  Buffer.concat(
    messages.flatMap((message) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(message.length)
      return [length, message]
    }),
  )

const framesIn = function* (bytes: Uint8Array): Generator<Uint8Array> {
  const buffer = createFrameBuffer(MAX_FRAME_BYTES)
  buffer.push(bytes)
  for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) yield frame
}

/* A block list of two pieces. */
const BLOCK_BYTES = 300_000
const blocks = Array.from({ length: 500 }, (_, index) => ({
  digest: sha256(`${index}`),
  sizeBytes: BLOCK_BYTES,
}))
const blockList = Buffer.from(encodeBlockList({ blocks, sizeBytes: blocks.length * BLOCK_BYTES }))
const FIRST_BYTES = 2 ** 14
const listPiece = (offset: number, end = blockList.length): Uint8Array =>
  encodeBlockAnswer({
    ...{ type: 'list', id: 1, sizeBytes: blockList.length, offset },
    bytes: blockList.subarray(offset, end),
  })

const NAMES = ['a', 'b/c', 'd', 'd/e']
const names = (last: boolean, ...some: readonly string[]): Uint8Array =>
  encodePushPull({ type: 'names', last, names: some })

export const assemblyDecoders: readonly Decoder[] = [
  {
    name: 'sync/blocks/list-inbox.ts#ListInbox',
    // The first piece twice as often: it is the one that may stand elsewhere.
    seeds: [
      framed(listPiece(0, FIRST_BYTES), listPiece(FIRST_BYTES)),
      framed(listPiece(0, FIRST_BYTES)),
      framed(listPiece(0)),
    ],
    run: ({ bytes }) => {
      const clock = createVirtualClock()
      const list = sha256(blockList)
      const inbox = new ListInbox({
        ...{ clock, random: createSeededRandom('list-inbox'), onSlow: () => {} },
        content: { collection: 'files', name: 'x', digest: sha256(''), list },
        sizeBytes: blocks.length * BLOCK_BYTES,
      })
      const part = createTestPart(clock, 'holder')
      inbox.askSome([part])
      const pieces: Uint8Array[] = []
      let isDone = false
      for (const frame of framesIn(bytes)) {
        const message = decodeBlockAnswer(frame)
        if (message.type !== 'list') continue
        const whole = inbox.take(part, message)
        const filled = Buffer.concat(pieces).length
        holds(isDone || message.offset === filled, 'a piece that has no place is taken')
        pieces.push(message.bytes)
        holds(whole === undefined || !isDone, 'a list that comes twice')
        const isSaid = message.sizeBytes === blockList.length
        const isWhole: boolean = !isDone && isSaid && Buffer.concat(pieces).equals(blockList)
        holds((whole !== undefined) === isWhole, 'it is whole when it is not, or never')
        holds(whole === undefined || blockList.equals(whole), 'another list than was signed')
        isDone ||= isWhole
      }
    },
  },
  {
    name: 'sync/push-pull/names.ts#createNameReader',
    seeds: [
      framed(names(true, ...NAMES)),
      framed(names(false, 'a'), names(true, 'b/c', 'd', 'd/e')),
    ],
    run: ({ bytes }) => {
      const reader = createNameReader(createFakeCollection({ names: [] }), digestOfNames(NAMES))
      const told: string[] = []
      for (const frame of framesIn(bytes)) {
        const message = decodePushPull(frame)
        if (message.type !== 'names') continue
        told.push(...message.names)
        const whole = reader.add(message.names, message.last)
        holds(whole === undefined || told.join('\n') === NAMES.join('\n'), 'other names')
        holds((whole !== undefined) === message.last, 'it is whole when it is not, or never')
        // What comes after the last page is nobody's concern: the protocol ends there.
        if (message.last) return
      }
    },
  },
]
