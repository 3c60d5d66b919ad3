/** Everything that a member with every right to be in a mesh can do to a daemon at once. */
import { randomBytes } from 'node:crypto'
import { isMeshError } from '../../src/errors/index.ts'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { signStatement } from '../../src/statement/index.ts'
import { sha256, systemRandom } from '../../src/util/index.ts'
import { sign } from '../integration/cluster.ts'
import { allBlocks, askBlocks, blockPiece, found, have, items, listPiece } from './wire.ts'
import {
  digestOfNames,
  namesPage,
  PUSH_PULL,
  offerNames,
  openBlocks,
  peerExchange,
  readBlockRequest,
} from './wire.ts'
import { record, request, round } from './wire.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { ProtocolHandler } from '../../src/transport/index.ts'
import type { Cluster } from '../integration/cluster.ts'
import type { HostileMember } from './hostile-member.ts'

export type Target = Pick<Cluster, 'networkId' | 'networkKey' | 'signer' | 'directory'>

/** A large file that all of them show: digests of its content and of the list of its blocks. */
export interface Large {
  readonly name: string
  readonly digest: string
  readonly list: string
  readonly blockCount: number
}

/** Content that a signer did sign, and that nobody has; with the list of its blocks, encoded. */
export interface Claimed {
  readonly signed: SignedStatement
  readonly list: Uint8Array
}

interface Context {
  readonly cluster: Target
  readonly large: Large
  readonly claimed: Claimed
  readonly signal: AbortSignal
  /** Again and again until `signal` or a refusal, and counts. */
  repeat(work: () => Promise<unknown>): Promise<void>
}

/** Of a fresh member; it is to last as long as the victim lets it. */
export type Attack = (member: HostileMember, context: Context) => Promise<void>

const ANSWER_TIMEOUT_MS = 2_000

/** Of content that a signer did sign, and that this member claims to have. */
const BIG = { name: 'big', sizeBytes: 300_000 }

const randomName = (directory: string): string => `${directory}/${randomBytes(8).toString('hex')}`
const randomDigest = (): string => randomBytes(32).toString('hex')
/** As many of them, sorted, as cost next to nothing. */
const freshNames = (directory: string, count: number): string[] => {
  const prefix = randomName(directory)
  return Array.from({ length: count }, (_, index) => `${prefix}/${10_000 + index}`)
}
const NAMES_IN_A_LIST = 5_000

export const attacks: Readonly<Record<string, Attack>> = {
  'claims without end': async ({ link }, { repeat }) => {
    const stream = await link
    await repeat(() =>
      stream.send(
        have(...freshNames('claimed', 1_024).map((name) => ({ name, digest: sha256(name) }))),
      ),
    )
  },
  'records for others by signers that nobody knows': async ({ link }, { cluster, repeat }) => {
    const stream = await link
    await repeat(async () => {
      const { statement } = await sign(cluster, randomName('unknown'), 'x')
      const signed = await signStatement(statement, [generatePrivateKey(systemRandom)])
      await stream.send(items({ record: record(signed), content: 'x' }))
    })
  },
  'old versions again': async ({ link }, { cluster, repeat }) => {
    const stream = await link
    await repeat(async () => {
      const old = await sign(cluster, 'hello.txt', 'version 1', { version: 1 })
      await stream.send(items({ record: record(old), content: 'version 1' }))
    })
  },
  'content that never ends': async ({ link }, { cluster, repeat }) => {
    const stream = await link
    await repeat(async () => {
      // Old by the time that an honest one comes: what wins is for honest nodes to say.
      const signed = await sign(cluster, BIG.name, randomBytes(BIG.sizeBytes))
      await stream.send(items({ record: record(signed), holds: true }))
    })
  },
  'blocks that come by the byte': async ({ link }, { claimed, repeat, signal }) => {
    const stream = await link
    await repeat(async () => {
      await stream.send(items({ record: record(claimed.signed), holds: true }))
      await pause(500, signal)
    })
  },
  'rounds of lies': async ({ open }, { repeat }) => {
    const stream = await open('/mesh/push-pull/1')
    await repeat(async () => {
      await stream.send(round(randomDigest()))
      await stream.receive({ timeoutMs: ANSWER_TIMEOUT_MS })
    })
  },
  'lists of names that nobody wants': async ({ open }, { repeat }) => {
    await repeat(async () => {
      const stream = await open('/mesh/push-pull/1')
      const names = freshNames('listed', NAMES_IN_A_LIST)
      await stream.send(round(randomDigest()))
      await stream.receive({ timeoutMs: ANSWER_TIMEOUT_MS })
      await stream.send(offerNames(digestOfNames(names)))
      const answer = await stream.receive({ timeoutMs: ANSWER_TIMEOUT_MS })
      if (answer?.[0] === PUSH_PULL.getNames) await stream.send(namesPage(names, true))
      await stream.receive({ timeoutMs: ANSWER_TIMEOUT_MS })
      await stream.close()
    })
  },
  'questions whose answers it does not read': async ({ open }, { repeat }) => {
    await repeat(async () => {
      const stream = await open('/mesh/content/1')
      await stream.send(request('hello.txt', randomDigest()))
    })
  },
  'content that it asks for and does not take': async ({ open }, { large, repeat }) => {
    await repeat(async () => {
      const stream = await open('/mesh/content/1')
      await stream.send(request(large.name, large.digest))
    })
  },
  'blocks that it asks for and does not take': async ({ open }, { large, repeat }) => {
    const indexes = Array.from({ length: large.blockCount }, (_, index) => index)
    await repeat(async () => {
      const stream = await open('/mesh/blocks/1')
      await stream.send(openBlocks(1, large.name, large.digest, large.list))
      await stream.send(askBlocks(1, indexes))
    })
  },
  'tales of peers that are not there': async ({ open }, { repeat }) => {
    // To make a key takes longer than to lie with it.
    const nobodies = Array.from({ length: 32 }, () => generatePrivateKey(systemRandom).publicKey)
    await repeat(async () => {
      const stream = await open('/mesh/peers/1')
      const tales = nobodies.map((key, index) => ({
        key,
        locations: [`/ip4/10.255.${index}.1/tcp/9`, `/dns4/nobody-${index}.invalid/tcp/9`],
      }))
      await stream.send(peerExchange(tales))
      await stream.receive({ timeoutMs: ANSWER_TIMEOUT_MS })
      await stream.close()
    })
  },
  'pings without end': async ({ open }, { repeat }) => {
    const stream = await open('/mesh/ping/1')
    await repeat(() => stream.send(randomBytes(32)))
  },
  'streams without end': async ({ open }, { repeat }) => {
    await repeat(() =>
      open('/mesh/peers/1').catch((error: unknown) => {
        // It is reset as it comes up; only without a connection there is nothing left to be done.
        if (!isMeshError(error, 'ERR_STREAM_CLOSED')) throw error
      }),
    )
  },
}

/** With one bit of each signature turned. */
export const forge = (signed: SignedStatement): SignedStatement => ({
  ...signed,
  signatures: signed.signatures.map((entry) => {
    const signature = Uint8Array.from(entry.signature)
    signature[7] = (signature[7] ?? 0) ^ 1
    return { ...entry, signature }
  }),
})

/** What no honest member ever says, so that whoever does is known for it. */
export const breaches: readonly Attack[] = [
  async ({ link }, { cluster }) => {
    const signed = forge(await sign(cluster, 'hello.txt', 'evil', { version: 1_000_000 }))
    await (await link).send(items({ record: record(signed), content: 'evil' }))
  },
  async ({ open }) => (await open('/mesh/announce/1')).send(Buffer.of(0xff)),
  async ({ open }) => (await open('/mesh/blocks/1')).send(randomBytes(100)),
]

/** Sends what was asked for and goes on for ever. */
const endless: ProtocolHandler = async (stream) => {
  await stream.receive()
  await stream.send(found(BIG.sizeBytes))
  for (;;) await stream.send(new Uint8Array(200_000))
}

/** A byte a second: slow retrieval. */
const dropByDrop =
  (signal: AbortSignal): ProtocolHandler =>
  async (stream) => {
    await stream.receive()
    await stream.send(found(BIG.sizeBytes))
    while (!signal.aborted) {
      await stream.send(new Uint8Array(1))
      await pause(1_000, signal)
    }
  }

const LEAST_PIECE_BYTES = 16 * 1024

/** Has the whole list, and of each block the first piece. */
const holder =
  ({ list }: Claimed): ProtocolHandler =>
  async (stream) => {
    const answer = async (frame: Uint8Array): Promise<void> => {
      const { type, id, indexes } = readBlockRequest(frame)
      if (type === 1) await stream.send(allBlocks(id))
      if (type === 3) await stream.send(listPiece(id, list.length, 0, list))
      const [index] = indexes
      if (index === undefined) return
      await stream.send(blockPiece(id, index, 0, new Uint8Array(LEAST_PIECE_BYTES)))
    }
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      await answer(frame)
    }
  }

/** What a member does that is asked for what it claims to have; by turns. */
export const handlersOf = (turn: number, claimed: Claimed, signal: AbortSignal) => ({
  '/mesh/content/1': turn % 2 === 0 ? endless : dropByDrop(signal),
  '/mesh/blocks/1': holder(claimed),
})

export const pause = (delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, delayMs)
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
  })
