/**
 * What must hold against peers, clients, keys and clocks that are wrong, on running daemons; the part of
 * it that no other test holds already. The whole list is in README.md beside this file.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { generatePrivateKey } from '../../src/keys/index.ts'
import { encodeHeartbeat, HEARTBEAT_FILE } from '../../src/trust/index.ts'
import { signStatement } from '../../src/statement/index.ts'
import { systemRandom } from '../../src/util/index.ts'
import { sign, until } from '../integration/cluster.ts'
import { openRaw } from './raw-member.ts'
import { clientOf, PATIENCE_MS, SCENE_FILES, startScene } from './scene.ts'
import { found, items, record } from './wire.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { ClusterNode } from '../integration/cluster.ts'
import type { HostileMemberInit } from './hostile-member.ts'

const DAY_MS = 86_400_000
const EPOCH = 0 as Timestamp
const END_OF_TIME = Date.UTC(9999, 11, 31, 23, 59, 59, 999) as Timestamp

/** How wrong the clock of the third node is; looked at when it starts. */
let shiftMs = 0

const scene = await startScene({
  files: ['app', 'old', 'early', 'late', 'ahead', 'gone', 'brief', ...SCENE_FILES],
  envOf: (index) => (index === 2 ? { MESH_TEST_CLOCK_SHIFT_MS: `${shiftMs}` } : {}),
})
t.teardown(scene.cluster.stop)
const { cluster, victim, honest } = scene
const { nodes } = cluster
const [, , third] = nodes
const present = [victim, honest]

const connected = (node: ClusterNode, count: number) =>
  until(
    `${node.name} to have ${count} peers`,
    async () => {
      const { peers } = await clientOf(node).peers()
      // An attacker of before may still be there: it is in no hurry.
      const honest = nodes.map(({ peerId }) => String(peerId))
      return (
        peers.filter(({ peerId, connected }) => connected && honest.includes(peerId)).length ===
        count
      )
    },
    PATIENCE_MS,
  )

const stateOf = async (node: ClusterNode, name: string): Promise<string | undefined> =>
  (await clientOf(node).files({ name })).files[0]?.state

await scene.publish('app', 'app one')

/** Each is left by the clock of the victim: begun here, and looked at when all else has been tried. */
const slow = (() => {
  const content = 'z'.repeat(2_000_000)
  const asked = Promise.withResolvers<void>()
  const trickle: HostileMemberInit['handlers'] = {
    '/mesh/content/1': async (stream) => {
      await stream.receive()
      await stream.send(found(content.length))
      await stream.send(Buffer.from(content.slice(0, 4_096)))
      asked.resolve()
      if (!stream.signal.aborted) await once(stream.signal, 'abort')
    },
  }
  const holder = async (): Promise<string> => {
    const signed = await sign(cluster, 'slow', content)
    const { link, name } = await scene.member(t, { handlers: trickle })
    await (await link).send(items({ record: record(signed), holds: true }))
    await asked.promise
    await scene.upload(honest, signed, content)
    return name
  }
  const client = async (): Promise<string> => {
    const { hostname, port } = new URL(victim.url)
    const socket = connect(Number(port), hostname).on('error', () => {})
    t.teardown(() => socket.destroy())
    let answer = ''
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text
    })
    socket.write('PUT /files/app HTTP/1.1\r\nHost: localhost\r\nMesh-Statement: ')
    const trickling = setInterval(() => socket.write('a'), 200)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(trickling)
    return answer
  }
  return { content, holder: holder(), client: client() }
})()
await slow.holder

t.test('a missing signature is a malformed record, and whoever sends it is named', (t) =>
  scene.attack(t, { fault: 'ERR_PROTOCOL_MALFORMED' }, async ({ claim }) => {
    const signed = await sign(cluster, 'app', 'evil', { version: 2 })
    await claim({ record: record({ ...signed, signatures: [] }), content: 'evil' })
  }),
)

t.test('a truncated frame is a fault, however much of it has come', async (t) => {
  for (const noun of ['announce', 'push-pull', 'content', 'blocks', 'peers', 'ping']) {
    await t.test(`on /mesh/${noun}/1`, async (t) => {
      const { name, send, stop } = await openRaw(cluster, victim, noun)
      t.teardown(stop)
      // A length that the protocol allows, and 3 bytes of it.
      const sizeBytes = noun === 'ping' ? 8 : 100
      await send(`/mesh/${noun}/1`, Buffer.from([sizeBytes, 0, 0, 0, 1, 5, 0]))
      await victim.logged((line) => line.level === 40 && line.name === name, PATIENCE_MS)
      scene.guilty.add(name)
      const { peers } = await clientOf(victim).peers()
      t.equal(peers.find((peer) => peer.name === name)?.faults.length, 1)
      await scene.served()
      t.equal(victim.read('app'), 'app one')
    })
  }
})

t.test('nobody comes in', async (t) => {
  const cases: readonly [string, HostileMemberInit, string][] = [
    ['with an expired certificate', { expiresInMs: -60_000 }, 'ERR_CERTIFICATE_EXPIRED'],
    [
      'with a certificate by a key that is no network key',
      { signedBy: generatePrivateKey(systemRandom) },
      'ERR_CERTIFICATE_INVALID',
    ],
  ]
  for (const [what, init, code] of cases) {
    await t.test(what, async (t) => {
      await t.rejects(scene.member(t, init), 'it is told so')
      await victim.logged((line) => line.code === code, PATIENCE_MS)
      await scene.served()
    })
  }
})

t.test('extreme times in statements decide the order and nothing else', async (t) => {
  const claims = await Promise.all([
    sign(cluster, 'early', '1970', { time: EPOCH }),
    sign(cluster, 'late', '9999', { time: END_OF_TIME }),
  ])
  const { claim } = await scene.member(t)
  await claim(...claims.map((signed) => ({ record: record(signed), content: contentAt(signed) })))
  for (const [name, content] of [
    ['early', '1970'],
    ['late', '9999'],
  ] as const) {
    await Promise.all(
      nodes.map((node) => until(name, () => node.read(name) === content, PATIENCE_MS)),
    )
    // The next version is newer, whatever its time.
    await scene.publish(name, 'now', { fields: { version: 2 } })
  }
  const ahead = await sign(cluster, 'ahead', 'x', { time: END_OF_TIME })
  await t.rejects(scene.upload(victim, ahead, 'x'), { code: 'ERR_FILE_TIME_AHEAD' })
})

const contentAt = ({ statement }: SignedStatement): string =>
  statement.time === EPOCH ? '1970' : '9999'

t.test('a node that was away brings back neither what was deleted nor what expired', async (t) => {
  const kept = await scene.publish('gone', 'to be deleted')
  const lasting = await scene.publish('brief', 'without an end')
  await third.kill()
  await scene.publish('gone', undefined, { fields: { version: 2 }, nodes: present })
  // Over before it is there on a slow machine, it would be refused.
  for (const lifeMs of [2_000, 10_000, 60_000]) {
    const expires = (Date.now() + lifeMs) as Timestamp
    const signed = await sign(cluster, 'brief', 'with an end', { version: 2, expires })
    const stored = await scene.upload(honest, signed, 'with an end').then(
      () => true,
      () => false,
    )
    if (stored) break
  }
  const over = (node: ClusterNode, name: string, state: string) =>
    until(
      `${name} to be ${state} at ${node.name}`,
      async () => (await stateOf(node, name)) === state && node.read(name) === undefined,
      PATIENCE_MS,
    )
  for (const node of present) await over(node, 'brief', 'expired')

  await third.start()
  for (const node of present) await connected(node, 2)
  await over(third, 'gone', 'deleted')
  await over(third, 'brief', 'expired')
  for (const node of present) {
    await over(node, 'gone', 'deleted')
    await over(node, 'brief', 'expired')
  }

  await t.test('nor does one that says it was', (t) =>
    scene.attack(t, {}, async ({ claim }) => {
      const notKept = await claim(
        { record: record(kept), content: 'to be deleted', holds: true },
        { record: record(lasting), content: 'without an end', holds: true },
      )
      t.strictSame(notKept, [0, 1])
    }),
  )
})

t.test('extreme clocks', async (t) => {
  const restart = async (byMs: number): Promise<void> => {
    await third.stop()
    shiftMs = byMs
    await third.start()
    await connected(third, 2)
  }
  let version = 1
  const exchange = async (): Promise<void> => {
    for (const at of [honest, third]) {
      await scene.publish('old', `old ${++version}`, { fields: { version }, at })
    }
  }
  await scene.publish('old', 'old 1')

  await t.test('a node that booted in 1970 takes part, and gives out what is newest', async () => {
    await restart(-Date.now())
    await scene.publish('old', `old ${++version}`, { fields: { version } })
    // Signed by its own clock.
    const fields = { version: ++version, time: 60_000 as Timestamp }
    await scene.publish('old', `old ${version}`, { fields, at: third })
  })

  await t.test(
    'freeze is noticed: a node beyond the end of its last heartbeat says so',
    async (t) => {
      await restart(0)
      const beat = async (version: number, lifeMs: number): Promise<SignedStatement> => {
        const content = encodeHeartbeat({ network: cluster.networkId, certificates: 0, revoked: 0 })
        const text = Buffer.from(content).toString()
        const signed = await sign(
          { ...cluster, signer: cluster.networkKey },
          HEARTBEAT_FILE,
          text,
          {
            version,
            expires: (Date.now() + lifeMs) as Timestamp,
          },
        )
        await scene.upload(honest, signed, text)
        return signed
      }
      const heard = (node: ClusterNode, version: number) =>
        until(
          `heartbeat ${version} at ${node.name}`,
          async () => {
            const status = await clientOf(node).status()
            return 'trust' in status && status.trust?.heartbeat?.version === version
          },
          PATIENCE_MS,
        )
      const long = await beat(1, 300 * DAY_MS)
      const short = await beat(2, 10 * DAY_MS)
      for (const node of nodes) await heard(node, 2)

      await t.test(
        'an older heartbeat that lasts longer, or one by a stranger, helps nobody',
        (t) =>
          scene.attack(t, {}, async ({ claim }) => {
            const forged = await signStatement({ ...short.statement, version: 3 }, [cluster.signer])
            t.strictSame(await claim({ record: record(long) }, { record: record(forged) }), [0, 1])
            await heard(victim, 2)
          }),
      )
      await restart(30 * DAY_MS)
      await until(
        'the third to be stale',
        async () => (await clientOf(third).health()).warnings.some(({ code }) => code === 'stale'),
        PATIENCE_MS,
      )
      t.notOk((await clientOf(victim).health()).warnings.some(({ code }) => code === 'stale'))
      // It goes on all the same, and its fast clock locks nobody out.
      await exchange()
    },
  )

  await t.test('a node beyond the end of all certificates is alone and says why', async (t) => {
    await third.stop()
    shiftMs = 4_000 * DAY_MS
    await third.start()
    await until(
      'the third to know',
      async () =>
        (await clientOf(third).health()).warnings.some(
          ({ code }) => code === 'certificate-expired',
        ),
      PATIENCE_MS,
    )
    t.equal(third.read('old'), `old ${version}`, 'what it has it shows')
    await scene.publish('old', `old ${++version}`, { fields: { version }, nodes: present })
    await restart(0)
    await until('it to catch up', () => third.read('old') === `old ${version}`, PATIENCE_MS)
  })
})

t.test('slow retrieval', async (t) => {
  await t.test('a holder that trickles is left for one that does not', async (t) => {
    await until('the content', () => victim.read('slow') === slow.content, PATIENCE_MS)
    // A slow line is no crime.
    const name = await slow.holder
    const { peers } = await clientOf(victim).peers()
    t.strictSame(peers.find((peer) => peer.name === name)?.faults, [])
  })
  await t.test('a client that trickles its header fields is cut off', async (t) => {
    t.match(await slow.client, /^(HTTP\/1\.1 408 .*|)$/s)
  })
})

t.test('leaves the daemons well, and nobody honest is blamed', async (t) => {
  for (const node of nodes) {
    // What the clock of the third made them believe of certificates is told by health.
    const odd = node.log.filter(
      ({ level, component }) => level === 0 || (level > 40 && component !== 'health'),
    )
    t.strictSame(odd, [], `${node.name} has neither crashed nor failed`)
    const broke = node.log.filter(({ msg }) => /broke the rules/.test(msg))
    t.strictSame(
      broke.filter(({ name }) => !/^mallory/.test(`${name}`)),
      [],
    )
    t.equal(await node.stop(), 0)
  }
})
