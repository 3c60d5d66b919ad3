import t from 'tap'
import { createMemoryDisk } from '../../../src/disk/index.ts'
import { isMeshError } from '../../../src/errors/index.ts'
import { createFiles } from '../../../src/files/index.ts'
import { signCertificate } from '../../../src/keys/index.ts'
import { createHealth, createWorkers, silentLogger } from '../../../src/observe/index.ts'
import {
  createSignedStatement,
  encodeSignedStatement,
  parseFileName,
  parseNetworkId,
  parsePattern,
  recordId,
} from '../../../src/statement/index.ts'
import { createMemoryStore } from '../../../src/store/index.ts'
import { createFilesCollection } from '../../../src/sync/collections/files.ts'
import { testCollection } from '../../contracts/collection.ts'
import { network, policyOf, sign, signers, source } from '../../support/files-mesh.ts'
import { createSeededRandom } from '../../support/random.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'
import type { FilePolicy } from '../../../src/files/index.ts'
import type { PeerId } from '../../../src/keys/index.ts'
import type { Acceptance } from '../../../src/sync/collection.ts'
import type { Timestamp } from '../../../src/util/index.ts'

const peer = '12D3KooPeer' as PeerId
const { signal } = new AbortController()

const create = async (
  names: readonly string[] = ['a', 'b/c'],
  further: readonly FilePolicy[] = [],
) => {
  const clock = createVirtualClock()
  const random = createSeededRandom(1)
  const [store, disk] = [createMemoryStore(), createMemoryDisk()]
  await store.open()
  await disk.open()
  const workers = createWorkers({ clock, random, logger: silentLogger })
  const files = createFiles(
    { store, disk, clock, logger: silentLogger, health: createHealth({ clock }), workers },
    {
      network,
      policies: [...names.map((name) => ({ ...policyOf(name), maxSizeBytes: 1000 })), ...further],
    },
  )
  await files.start()
  const collection = createFilesCollection(files, { network, random })
  const events: string[] = []
  const unsubscribe = collection.subscribe({
    stored: ({ name }, from) => events.push(`stored ${name} ${from}`),
    completed: ({ name, content }, from) =>
      events.push(`completed ${name} ${content?.sizeBytes} ${from}`),
    changed: (name) => events.push(`changed ${name}`),
  })
  return { files, collection, events, unsubscribe }
}

const text = Buffer.from('hello')

t.test('an item is a statement: its record id, its name, its bytes, its content', async (t) => {
  const { collection } = await create()
  const signed = await sign({ name: 'a', content: text })
  const arrival = collection.parse(encodeSignedStatement(signed))
  t.equal(arrival.id, recordId(signed))
  t.equal(arrival.name, 'a')
  t.same(arrival.bytes, encodeSignedStatement(signed))
  t.match(arrival.content, { sizeBytes: 5 })
  t.ok(arrival.relayable)
  t.ok(arrival.verify())
  const tombstone = collection.parse(
    encodeSignedStatement(await sign({ name: 'a', content: null })),
  )
  t.equal(tombstone.content, undefined)
})

t.test(
  'without its content an item is stored and its content missing; with it, complete',
  async (t) => {
    const { files, collection, events } = await create()
    const arrival = collection.parse(
      encodeSignedStatement(await sign({ name: 'a', content: text })),
    )
    t.notOk(collection.has(arrival.id))
    t.same(await arrival.accept(undefined, peer, { signal }), { outcome: 'stored' })
    t.ok(collection.has(arrival.id))
    t.same(collection.get(arrival.id)?.bytes, arrival.bytes)
    t.same(collection.tree.ids(''), [arrival.id])
    t.equal(collection.nameOf(arrival.id), 'a')
    t.equal(collection.tree.summary('').hash, files.digest())
    t.notOk(collection.holds(arrival))
    const [missing] = collection.missing('a')
    t.equal(missing?.content.digest, arrival.content?.digest)
    t.equal(collection.missing().length, 1)
    t.same(collection.missing('b/c'), [])
    t.same(await missing?.accept(source(text), peer, { signal }), { outcome: 'stored' })
    t.ok(collection.holds(arrival))
    t.same(collection.missing(), [])
    t.same(await arrival.accept(undefined, peer, { signal }), { outcome: 'known' })
    t.same(events, [`stored a ${peer}`, 'changed a', `completed a 5 ${peer}`, 'changed a'])
  },
)

t.test('content is served by name and digest, from any offset', async (t) => {
  const { collection } = await create()
  const arrival = collection.parse(
    encodeSignedStatement(await sign({ name: 'b/c', content: text })),
  )
  await arrival.accept(source(text), peer, { signal })
  const digest = arrival.content?.digest ?? arrival.id
  const held = await collection.open('b/c', digest, signal)
  const parts: Uint8Array[] = []
  for await (const chunk of held?.stream({ start: 2, signal }) ?? []) parts.push(chunk)
  t.equal(Buffer.concat(parts).toString(), 'llo')
  t.equal(await collection.open('b/c', arrival.id, signal), undefined, 'another digest')
  t.equal(await collection.open('a', digest, signal), undefined)
  t.equal(await collection.open('../b/c', digest, signal), undefined, 'what is no name')
})

t.test('names that are not wanted, or are no names, are simply not wanted', async (t) => {
  const { collection } = await create()
  t.same(collection.selectors(), ['a', 'b/c'])
  t.ok(collection.wants('a'))
  for (const name of ['x', '', '..', 'a/../a', 'a\nb', '\u0000']) {
    t.notOk(collection.wants(name))
    t.same(collection.missing(name), [])
  }
})

t.test('what a revoked node signed is neither held against a peer nor passed on', async (t) => {
  const networkKey = signers.bert
  const { publicKey } = signers.anna
  const self = {
    network,
    networkKeys: [networkKey.publicKey],
    revoked: new Map([[publicKey, 'all' as const]]),
  }
  const namespace = { ...policyOf('a'), name: parsePattern('health/*'), signers: [], self }
  const { collection } = await create([], [namespace])
  const certificate = await signCertificate(networkKey, {
    ...{ network, name: 'node', key: publicKey, namespaces: ['health'] },
    issued: 0 as Timestamp,
    expires: 8e12 as Timestamp,
  })
  const signed = await sign({ name: `health/${publicKey}`, content: text, by: ['anna'] })
  const whole = createSignedStatement(signed.text, signed.signatures, certificate)
  const arrival = collection.parse(encodeSignedStatement(whole))
  t.match(await arrival.accept(undefined, peer, { signal }), {
    outcome: 'refused',
    why: 'other',
    error: { code: 'ERR_CERTIFICATE_REVOKED', message: /has revoked the node that signed it/ },
  })
})

t.test('tells a peer’s fault from a difference of policy from anything else', async (t) => {
  const { collection } = await create()
  const accept = async (draft: Parameters<typeof sign>[0], content?: Uint8Array) => {
    const arrival = collection.parse(encodeSignedStatement(await sign(draft)))
    return arrival.accept(content === undefined ? undefined : source(content), peer, { signal })
  }
  const check = (verdict: Acceptance, why: string, code: string): void => {
    t.match(verdict, { outcome: 'refused', why, error: { code } })
  }
  check(await accept({ name: 'x', content: text }), 'policy', 'ERR_FILE_NOT_CONFIGURED')
  check(
    await accept({ name: 'a', content: text, by: ['eve'] }),
    'policy',
    'ERR_FILE_SIGNER_NOT_ALLOWED',
  )
  check(
    await accept({ name: 'a', content: text, network: 'other' }),
    'other',
    'ERR_FILE_NETWORK_MISMATCH',
  )
  check(
    await accept({ name: 'a', content: text }, Buffer.from('HELLO')),
    'content',
    'ERR_FILE_CONTENT_MISMATCH',
  )

  const signed = await sign({ name: 'a', content: text })
  const [entry] = signed.signatures
  const forged = {
    ...signed,
    signatures: [{ key: entry?.key ?? signers.anna.publicKey, signature: new Uint8Array(64) }],
  }
  const arrival = collection.parse(encodeSignedStatement(forged))
  t.notOk(arrival.verify())
  check(await arrival.accept(undefined, peer, { signal }), 'fault', 'ERR_SIGNATURE_INVALID')
  const foreign = collection.parse(
    encodeSignedStatement(await sign({ name: 'x', content: text, network: 'other' })),
  )
  t.notOk(foreign.relayable)
})

t.test('bytes that are no signed statement are a malformed message', async (t) => {
  const { collection } = await create()
  const good = encodeSignedStatement(await sign({ name: 'a', content: text }))
  const bad = [
    new Uint8Array(),
    Buffer.from('nonsense'),
    good.subarray(1),
    Buffer.concat([good, good]),
  ]
  for (const bytes of bad)
    t.throws(() => collection.parse(bytes), { code: 'ERR_PROTOCOL_MALFORMED' })
  const random = createSeededRandom('garbage')
  for (let count = 0; count < 300; count++) {
    const bytes = Uint8Array.from(good)
    bytes[random.below(bytes.length)] = random.below(256)
    try {
      const arrival = collection.parse(bytes)
      const same = Buffer.from(bytes).equals(good)
      t.ok(same || !arrival.verify(), 'a changed byte makes it malformed or forged')
    } catch (error) {
      if (!isMeshError(error, 'ERR_PROTOCOL_MALFORMED')) throw error
    }
  }
})

t.test('content that is too large here is not missing here', async (t) => {
  const { files, collection } = await create()
  const large = Buffer.alloc(2000)
  const arrival = collection.parse(encodeSignedStatement(await sign({ name: 'a', content: large })))
  t.same(await arrival.accept(undefined, peer, { signal }), { outcome: 'stored' })
  t.equal(files.view(parseFileName('a'))?.state, 'too-large')
  t.same(collection.missing(), [])
  t.notOk(collection.holds(arrival))
})

t.test('a subscription ends', async (t) => {
  const { collection, events, unsubscribe } = await create()
  unsubscribe()
  const arrival = collection.parse(encodeSignedStatement(await sign({ name: 'a', content: null })))
  await arrival.accept(undefined, peer, { signal })
  t.same(events, [])
})

t.test('a reload that changes nothing but signers is told', async (t) => {
  const { files, events } = await create()
  await files.reload([
    { ...policyOf('a', [signers.eve.publicKey]), maxSizeBytes: 1000 },
    policyOf('b/c'),
  ])
  t.ok(events.includes('changed a'), 'or push-pull would go on agreeing to differ')
})

t.test('as any collection', async (t) =>
  testCollection(t, async () => ({
    collection: (await create(['a', 'b/c', 'd'])).collection,
    make: async (name, version) =>
      encodeSignedStatement(await sign({ name, version, content: null, by: ['anna'] })),
    names: ['a', 'b/c', 'd'],
    unwanted: 'z',
  })),
)

t.test('what is for another network is not to be passed on', async (t) => {
  const { collection } = await create()
  const parse = async (of: typeof network) =>
    collection.parse(
      encodeSignedStatement(await sign({ name: 'unwanted', content: text, network: of })),
    )
  t.equal((await parse(network)).relayable, true)
  t.equal((await parse(parseNetworkId('another'))).relayable, false)
})
