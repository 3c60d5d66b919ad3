/** What peers send: each message of each protocol, and the frames they come in. */
import { decodeAnnounce, encodeAnnounce } from '../../../src/sync/announce/messages.ts'
import {
  decodeBlockAnswer,
  decodeBlockRequest,
  encodeBlockAnswer,
  encodeBlockRequest,
} from '../../../src/sync/blocks/messages.ts'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
} from '../../../src/sync/content/messages.ts'
import { decodeBlockList, encodeBlockList } from '../../../src/chunk/block-list.ts'
import { createFrameBuffer } from '../../../src/transport/frame-buffer.ts'
import { decodeCertificate, encodeCertificate } from '../../../src/transport/membership-exchange.ts'
import {
  decodePeerExchange,
  encodePeerExchange,
} from '../../../src/transport/peer-exchange-codec.ts'
import { readVectors } from '../../keys/vectors.ts'
import { createFollower, createJudge } from '../../../src/transport/multiplexer.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import { holds, sameBytes } from '../engine.ts'
import { assemblyDecoders } from './assembly.ts'
import { pushPullDecoders } from './push-pull.ts'
import type { Decoder } from '../engine.ts'

/** All hexadecimal under these names, anywhere in a file of golden vectors. */
const hexIn = (file: string, list: string, name: string): Uint8Array[] => {
  const found = (readVectors(file) as Readonly<Record<string, readonly Record<string, string>[]>>)[
    list
  ]
  return (found ?? []).map((each) => Buffer.from(each[name] ?? '', 'hex'))
}

const MAX_FRAME_BYTES = 1_000

/** Of Yamux: version, type, flags, stream and length. */
const yamuxFrame = (type: number, flags: number, length: number, body = 0): Buffer => {
  const header = Buffer.alloc(12 + body)
  header.writeUInt8(type, 1)
  header.writeUInt16BE(flags, 2)
  header.writeUInt32BE(1, 4)
  header.writeUInt32BE(length, 8)
  return header
}

/** The headers in a stream of frames, of which those with data are followed by it. */
const headersIn = (bytes: Uint8Array): string[] => {
  const headers: string[] = []
  for (let at = 0; at + 12 <= bytes.length; ) {
    const header = Buffer.from(bytes.subarray(at, at + 12))
    headers.push(header.toString('hex'))
    at += 12 + (header[1] === 0 ? header.readUInt32BE(8) : 0)
  }
  return headers
}

/** Gives bytes to a follower in pieces of this size; answers the code of what stops it. */
const followed = (
  bytes: Uint8Array,
  pieceBytes: number,
  judge: Parameters<typeof createFollower>[0],
): string | undefined => {
  const follow = createFollower(judge)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const breach = follow(bytes.subarray(at, at + pieceBytes))
    if (breach !== undefined) return breach.message
  }
  return undefined
}

export const wireDecoders: readonly Decoder[] = [
  {
    name: 'sync/announce/messages.ts#decodeAnnounce',
    seeds: hexIn('announce', 'valid', 'bytes'),
    run: (input) => sameBytes(encodeAnnounce(decodeAnnounce(input.bytes)), input),
  },
  {
    name: 'sync/content/messages.ts#decodeRequest',
    seeds: hexIn('content', 'requests', 'bytes'),
    run: (input) => sameBytes(encodeRequest(decodeRequest(input.bytes)), input),
  },
  {
    name: 'sync/content/messages.ts#decodeAnswer',
    seeds: hexIn('content', 'answers', 'bytes'),
    run: (input) => sameBytes(encodeAnswer(decodeAnswer(input.bytes)), input),
  },
  {
    name: 'sync/blocks/messages.ts#decodeBlockRequest',
    seeds: hexIn('block-exchange', 'requests', 'bytes'),
    run: (input) => sameBytes(encodeBlockRequest(decodeBlockRequest(input.bytes)), input),
  },
  {
    name: 'sync/blocks/messages.ts#decodeBlockAnswer',
    seeds: hexIn('block-exchange', 'answers', 'bytes'),
    run: (input) => sameBytes(encodeBlockAnswer(decodeBlockAnswer(input.bytes)), input),
  },
  {
    name: 'chunk/block-list.ts#decodeBlockList',
    seeds: hexIn('block-list', 'valid', 'bytes').filter(({ length }) => length > 0),
    run: (input) => sameBytes(encodeBlockList(decodeBlockList(input.bytes)), input),
  },
  ...pushPullDecoders(hexIn('push-pull', 'valid', 'bytes')),
  {
    name: 'transport/membership-exchange.ts#decodeCertificate',
    seeds: hexIn('membership', 'accepted', 'hex'),
    run: (input) => sameBytes(encodeCertificate(decodeCertificate(input.bytes)), input),
  },
  {
    name: 'transport/peer-exchange-codec.ts#decodePeerExchange',
    seeds: hexIn('peers', 'accepted', 'hex'),
    run: (input) => sameBytes(encodePeerExchange(decodePeerExchange(input.bytes)), input),
  },
  ...assemblyDecoders,
  {
    name: 'transport/multiplexer.ts#createFollower',
    seeds: [
      Buffer.concat([yamuxFrame(1, 1, 0), yamuxFrame(0, 0, 20, 20), yamuxFrame(2, 1, 7)]),
      Buffer.concat([yamuxFrame(0, 1, 0), yamuxFrame(0, 4, 300, 300), yamuxFrame(3, 0, 0)]),
    ],
    run: ({ bytes }) => {
      const some = bytes.subarray(0, 4_000)
      for (const pieceBytes of [1, 5, 12, some.length + 1]) {
        const seen: string[] = []
        followed(some, pieceBytes, (header) => {
          seen.push(Buffer.from(header.buffer).toString('hex'))
          return undefined
        })
        holds(seen.join() === headersIn(some).join(), 'other headers than there are')
      }
      // Each has rates of its own, in one moment.
      const verdict = (pieceBytes: number): string | undefined =>
        followed(some, pieceBytes, createJudge({ clock: createVirtualClock() }))
      const whole = verdict(some.length + 1)
      holds(verdict(1) === whole && verdict(7) === whole, 'cuts matter')
      const [broken] = headersIn(some).filter((header) => !/^000[0-3]/.test(header))
      holds(broken === undefined || whole !== undefined, `${broken} is let through`)
    },
  },
  {
    name: 'transport/frame-buffer.ts#createFrameBuffer',
    seeds: [Buffer.from('0000000002000000aabb01000000ff', 'hex'), Buffer.from('e8030000', 'hex')],
    run: ({ bytes }) => {
      // In pieces of all sizes, and whole: the frames must be the same.
      const framesOf = (pieceBytes: number): string[] => {
        const buffer = createFrameBuffer(MAX_FRAME_BYTES)
        const frames: string[] = []
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          buffer.push(bytes.subarray(at, at + pieceBytes))
          for (let frame = buffer.next(); frame !== undefined; frame = buffer.next()) {
            holds(frame.length <= MAX_FRAME_BYTES, 'a frame above the limit')
            frames.push(Buffer.from(frame).toString('hex'))
          }
        }
        return frames
      }
      const short = bytes.subarray(0, 2_000).length === bytes.length
      holds(!short || framesOf(1).join() === framesOf(bytes.length + 1).join(), 'cuts matter')
      if (!short) framesOf(4_096)
    },
  },
]
