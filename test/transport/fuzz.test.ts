/** Whatever comes in, in whatever pieces, the node lives and serves. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { systemRandom } from '../../src/util/index.ts'
import { createSeededRandom } from '../support/random.ts'
import { addressOf, connect, speaks, startNode, stayAlive } from './nodes.ts'
import { dialAsHostileMember, dialAsStranger, openSocket } from './strangers.ts'
import { yamuxHeader } from '../hostile/bare-socket.ts'
import type { SeededRandom } from '../support/random.ts'
import type { Test } from 'tap'

stayAlive(t)

const seed = process.env.MESH_SEED ?? `${systemRandom.below(2 ** 32)}`
t.comment(`MESH_SEED=${seed} repeats this run`)
const random = createSeededRandom(seed)

const words = [
  Buffer.from('\x13/multistream/1.0.0\n'),
  Buffer.from('\x0e/mesh/noise/1\n'),
  Buffer.from('\x07/noise\n'),
  Buffer.from('\x0d/yamux/1.0.0\n'),
  Buffer.from('\x03ls\n'),
  Buffer.from('\x0d/mesh/echo/1\n'),
  Buffer.from('\x0d/mesh/ping/1\n'),
  Buffer.from('\x0e/mesh/peers/1\n'),
]

const piece = (random: SeededRandom): Uint8Array => {
  const kind = random.below(3)
  if (kind === 0) return random.pick(words)
  if (kind === 1) return random.bytes(random.below(300))
  return Buffer.alloc(random.below(40), random.below(256))
}

/** A few pieces, cut anew: a receiver must not care where the cuts are. */
const story = (random: SeededRandom): Uint8Array[] => {
  const whole = Buffer.concat([
    ...(random.below(2) === 0 ? [words[0] ?? Buffer.alloc(0)] : []),
    ...Array.from({ length: 1 + random.below(8) }, () => piece(random)),
  ])
  const cuts: Uint8Array[] = []
  for (let at = 0; at < whole.length; ) {
    const size = 1 + random.below(random.below(2) === 0 ? 3 : 200)
    cuts.push(whole.subarray(at, at + size))
    at += size
  }
  return cuts
}

const frame = (random: SeededRandom): Uint8Array => {
  const length = random.pick([0, 1, 20, 300])
  const type = random.pick([0, 0, 0, 1, 2, 3])
  const flags = random.pick([0, 1, 1, 2, 4, 8, 15])
  const header = yamuxHeader(type, { flags, stream: random.below(12), length })
  const body = random.below(2) === 0 ? random.pick(words) : random.bytes(length)
  return type === 0 ? Buffer.concat([header, Buffer.concat([body], length)]) : header
}

const stillServes = async (
  t: Test,
  psks: Uint8Array[],
  attack: (to: Awaited<ReturnType<typeof startNode>>) => Promise<void>,
): Promise<void> => {
  const node = await startNode(t, { psks })
  const honest = await startNode(t, { psks })
  await connect(honest, node)
  await attack(node)
  t.ok(await speaks(honest, node))
  t.match(addressOf(node), '/tcp/')
}

for (const [what, psks] of [
  ['an open network', []],
  ['a private network', [systemRandom.bytes(32)]],
] as const) {
  t.test(`strangers who say anything to ${what}`, (t) =>
    stillServes(t, [...psks], async (node) => {
      // Not faster than one host may.
      for (let round = 0; round < 50; round++) {
        const socket = await openSocket(t, node)
        for (const cut of story(random.fork(`${what} ${round}`))) {
          if (socket.destroyed) break
          socket.write(cut)
          if (random.below(4) === 0) await sleep(0)
        }
        if (random.below(2) === 0) socket.destroy()
        else socket.end()
        await sleep(20)
      }
    }),
  )
}

t.test('strangers who say anything after Noise', (t) =>
  stillServes(t, [], async (node) => {
    for (let round = 0; round < 20; round++) {
      const own = random.fork(`noise ${round}`)
      await dialAsStranger(t, node, ({ connection }) => {
        for (const cut of story(own)) if (connection.status === 'open') connection.send(cut)
        setTimeout(() => connection.abort(new Error('done')), 20)
      })
    }
  }),
)

t.test('members who send any frames', (t) =>
  stillServes(t, [], async (node) => {
    for (let round = 0; round < 30; round++) {
      const own = random.fork(`member ${round}`)
      const { connection, closed } = await dialAsHostileMember(t, node)
      for (let count = own.below(60); count > 0; count--) {
        const bytes = own.below(20) === 0 ? own.bytes(own.below(100)) : frame(own)
        if (connection.status === 'open' && bytes.length > 0) connection.send(bytes)
        if (own.below(8) === 0) await sleep(0)
      }
      setTimeout(() => connection.abort(new Error('done')), 20)
      await closed
    }
  }),
)
