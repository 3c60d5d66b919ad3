import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import fc from 'fast-check'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { createMembership } from '../../src/transport/index.ts'
import { MAX_HANDSHAKE_BYTES, MAX_MEMBERSHIP_MESSAGE_BYTES } from '../../src/transport/limits.ts'
import { decodeCertificate, encodeCertificate } from '../../src/transport/membership-exchange.ts'
import { systemClock, systemRandom } from '../../src/util/index.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { addressOf, connect, createAuthority, failure, NETWORK, refusedFor } from './nodes.ts'
import { passTime, socketOf, speaks, startMember, startNode, stayAlive, until } from './nodes.ts'
import { closed, dialAsStranger, openSocket } from './strangers.ts'
import type { Test } from 'tap'
import type { ErrorCode } from '../../src/errors/index.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { Libp2pTransport } from '../../src/transport/index.ts'
import type { Secured } from './strangers.ts'

stayAlive(t)

const authority = createAuthority()

/** A node of the network that shows what it is told to show. */
const startImpostor = async (
  t: Test,
  certificate: string | undefined,
  identity: PrivateKey,
): Promise<Libp2pTransport> => {
  const networkKeys = [authority.key.publicKey]
  const membership = createMembership(
    { clock: systemClock },
    { network: NETWORK, networkKeys, certificate },
  )
  return startNode(t, { membership, identity })
}

t.test('members are admitted, and are called by their certified names', async (t) => {
  const a = await startMember(t, authority, { name: 'anna' })
  const b = await startMember(t, authority, { name: 'bert' })
  t.equal((await connect(a, b)).name, 'bert')
  t.equal(b.peers()[0]?.name, 'anna')
  t.ok(await speaks(a, b))
})

t.test(
  'whoever has no right is refused in either direction, and both sides know why',
  async (t) => {
    const identity = generatePrivateKey(systemRandom)
    const elsewhere = createAuthority('another-net')
    const cases: [string, string | undefined, ErrorCode][] = [
      ['none', undefined, 'ERR_CERTIFICATE_MISSING'],
      ['garbage', 'certificate!', 'ERR_CERTIFICATE_MALFORMED'],
      ['self-made', await createAuthority().issue(identity.publicKey), 'ERR_CERTIFICATE_INVALID'],
      [
        'expired',
        await authority.issue(identity.publicKey, { expiresMs: Date.now() - 1_000 }),
        'ERR_CERTIFICATE_EXPIRED',
      ],
      [
        'of a foreign network',
        await elsewhere.issue(identity.publicKey),
        'ERR_CERTIFICATE_MISMATCH',
      ],
      [
        'of somebody else',
        await authority.issue(generatePrivateKey(systemRandom).publicKey),
        'ERR_CERTIFICATE_MISMATCH',
      ],
    ]
    for (const [what, certificate, code] of cases) {
      await t.test(`a certificate: ${what}`, async (t) => {
        const member = await startMember(t, authority, {})
        const impostor = await startImpostor(t, certificate, identity)

        const refused = await failure(impostor.dial(addressOf(member)))
        t.equal(refused.code, 'ERR_PEER_REFUSED')
        t.equal(refused.data.reason, code)
        t.match(refused.message, 'refused us: ')
        await refusedFor(member, code)

        const refusing = await failure(member.dial(addressOf(impostor)))
        t.equal(refusing.code, code)
        await refusedFor(impostor, 'ERR_PEER_REFUSED')
        t.same([member.peers(), impostor.peers()], [[], []])
      })
    }
  },
)

t.test('the address names who must answer', async (t) => {
  const a = await startNode(t)
  const b = await startNode(t)
  const { host, port } = socketOf(b)
  const error = await failure(a.dial(`/ip4/${host}/tcp/${port}/p2p/${(await startNode(t)).peerId}`))
  t.equal(error.code, 'ERR_PEER_UNREACHABLE')
  t.match(error.message, 'another')
  t.same(a.peers(), [])
})

t.test('without network keys certificates are exchanged and not asked for', async (t) => {
  const open = await startNode(t)
  const member = await startMember(t, authority, { name: 'anna' })
  const refused = await failure(open.dial(addressOf(member)))
  t.equal(refused.data.reason, 'ERR_CERTIFICATE_MISSING')
  t.equal((await failure(member.dial(addressOf(open)))).code, 'ERR_CERTIFICATE_MISSING')
  const other = await startNode(t)
  await connect(open, other)
  t.equal(other.peers()[0]?.name, undefined)
})

t.test('who proves its key and then does not keep to the exchange is refused', async (t) => {
  const clock = createVirtualClock({ startMs: Date.now() })
  const member = await startMember(t, authority, { clock })
  const scripts: [string, ErrorCode, (secured: Secured) => void][] = [
    [
      'garbage',
      'ERR_PROTOCOL_MALFORMED',
      ({ connection }) => connection.send(Buffer.from([1, 0, 9])),
    ],
    [
      'nothing said',
      'ERR_PROTOCOL_MALFORMED',
      ({ connection }) => connection.send(Buffer.from([0, 0])),
    ],
    [
      'a message above the limit',
      'ERR_LIMIT_EXCEEDED',
      ({ connection }) => connection.send(Buffer.from([2, 4])),
    ],
    [
      'endless data',
      'ERR_LIMIT_EXCEEDED',
      ({ connection }) => connection.send(Buffer.alloc(2 ** 20, 0xff)),
    ],
    ['an end', 'ERR_STREAM_CLOSED', ({ connection }) => connection.abort(new Error('bye'))],
    ['silence', 'ERR_TIMEOUT', () => {}],
  ]
  for (const [what, code, script] of scripts) {
    await t.test(what, async (t) => {
      const count = (): number => member.counts().refused[code] ?? 0
      const before = count()
      let over = false
      let received: Uint8Array[] = []
      void dialAsStranger(t, member, (secured) => {
        received = secured.received
        script(secured)
      }).then(() => {
        over = true
      })
      // Time passes for the silent one only: the others are refused for what they do.
      if (code !== 'ERR_TIMEOUT') await until(() => over || received.length > 0, 'a verdict')
      await passTime(clock, () => over && count() > before, `the end of ${what}`)
    })
  }
  const honest = await startMember(t, authority, {})
  await connect(honest, member)
  t.ok(await speaks(honest, member), 'and members are served all the while')
})

t.test('a stranger learns nothing of us but the reason', async (t) => {
  const member = await startMember(t, authority, { name: 'secret-name' })
  let received: Uint8Array[] = []
  await dialAsStranger(t, member, (secured) => {
    received = secured.received
    secured.connection.send(Buffer.from([1, 0, 0]))
  })
  t.same([...Buffer.concat(received)], [1, 0, 1], 'one verdict: certificate missing')
})

t.test('keys of other kinds are not taken, and their owner is told', async (t) => {
  const node = await startNode(t)
  const privateKey = await generateKeyPair('secp256k1')
  let received: Uint8Array[] = []
  const script = (secured: Secured): void => {
    received = secured.received
  }
  await dialAsStranger(t, node, script, { privateKey })
  t.same([...Buffer.concat(received)], [1, 0, 8])
  await refusedFor(node, 'ERR_KEY_WEAK')
})

t.test('bare sockets that say nothing, or anything, do not get in', async (t) => {
  const clock = createVirtualClock({ startMs: Date.now() })
  const member = await startMember(t, authority, { clock })
  const garbage = await openSocket(t, member)
  garbage.write(Buffer.alloc(4096, 0x5a))
  await closed(garbage)
  await refusedFor(member, 'ERR_PROTOCOL_MALFORMED')

  const endless = await openSocket(t, member)
  const flood = setInterval(() => endless.write(Buffer.alloc(2 ** 16, 1)), 1)
  await closed(endless)
  clearInterval(flood)

  const silent = await openSocket(t, member)
  await passTime(clock, () => (member.counts().refused.ERR_TIMEOUT ?? 0) > 0, 'silence is noticed')
  await closed(silent)
  t.same(member.peers(), [])
})

t.test('a stranger that greets and then proposes for ever is cut off at the limit', async (t) => {
  // Its time never runs out, and each of its messages is as it should be.
  const clock = createVirtualClock({ startMs: Date.now() })
  const member = await startMember(t, authority, { clock })
  const talker = await openSocket(t, member)
  let answers = 0
  talker.on('data', (data) => {
    answers += data.toString('latin1').split('\x03na\n').length - 1
  })
  talker.write('\x13/multistream/1.0.0\n')
  const proposal = '\x0a/unknown1\n'
  const talk = setInterval(() => talker.write(proposal.repeat(50)), 1)
  t.teardown(() => clearInterval(talk))
  await refusedFor(member, 'ERR_LIMIT_EXCEEDED')
  await closed(talker)
  t.ok(answers > 0, `${answers} of its proposals were answered`)
  t.ok(answers * proposal.length <= MAX_HANDSHAKE_BYTES, 'and none beyond the limit')
  t.same(member.counts().refused, { ERR_LIMIT_EXCEEDED: 1 })
})

interface Vectors {
  readonly accepted: readonly { why: string; hex: string; certificate: string | null }[]
  readonly refused: readonly { why: string; hex: string; code: string }[]
}

t.test('certificates travel as it is written down', async (t) => {
  const file = join(import.meta.dirname, '../vectors/membership.json')
  const vectors: Vectors = JSON.parse(readFileSync(file, 'utf8'))
  for (const { why, hex, certificate } of vectors.accepted) {
    t.equal(Buffer.from(encodeCertificate(certificate ?? undefined)).toString('hex'), hex, why)
    t.equal(decodeCertificate(Buffer.from(hex, 'hex')) ?? null, certificate, why)
  }
  for (const { why, hex, code } of vectors.refused) {
    t.throws(() => decodeCertificate(Buffer.from(hex, 'hex')), { code }, why)
  }
})

t.test('a certificate message is a tag and a text, or a tag', async (t) => {
  t.same([...encodeCertificate(undefined)], [0])
  t.equal(decodeCertificate(encodeCertificate(undefined)), undefined)
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (text) => {
      if (!text.isWellFormed()) return
      if (decodeCertificate(encodeCertificate(text)) !== text) throw new Error('not the same')
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: MAX_MEMBERSHIP_MESSAGE_BYTES }), (bytes) => {
      try {
        const text = decodeCertificate(bytes)
        if (Buffer.compare(encodeCertificate(text), bytes) !== 0) throw new Error('not canonical')
      } catch (error) {
        if (!isMeshError(error, 'ERR_PROTOCOL_MALFORMED')) throw error
      }
    }),
  )
})
