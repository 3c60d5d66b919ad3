/** Members that misuse the exchange of blocks with running daemons. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import {
  blockListDigest,
  createBlockList,
  encodeBlockList,
  MIN_CHUNK_BYTES,
} from '../../src/chunk/index.ts'
import { encodeRevocations, REVOKED_FILE } from '../../src/trust/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { sign, startCluster, until } from '../integration/cluster.ts'
import { clientOf, listOf, put, versionAt } from '../integration/state.ts'
import { createHostileMember } from './hostile-member.ts'
import { forgetPeak, MAX_GROWTH_BYTES, memoryOf } from './resources.ts'
import { fieldsOf, PATIENCE_MS } from './scene.ts'
import { allBlocks, askBlocks, askList, blockPiece, items, listPiece } from './wire.ts'
import { openBlocks, readBlockRequest, record } from './wire.ts'
import type { Test } from 'tap'
import type { BlockList } from '../../src/chunk/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { FrameStream, ProtocolHandler } from '../../src/transport/index.ts'
import type { Timestamp } from '../../src/util/index.ts'
import type { HostileMember } from './hostile-member.ts'

const MEBIBYTE = 2 ** 20
const PIECE_BYTES = 64 * 1024
const NAMES = ['app', 'big', 'gone', 'lied', 'long', 'many', 'slow'] as const

t.setTimeout(60 * 60_000)

const cluster = await startCluster({
  files: NAMES,
  maxSize: '64GiB',
  config: { cluster: 'push_pull_interval = "1s"' },
})
t.teardown(cluster.stop)
const [victim, honest, idle] = cluster.nodes
// Two are enough: one that is attacked, and one that the attacker never speaks with.
await idle.stop()

let members = 0
const member = async (
  t: Test,
  blocks?: ProtocolHandler,
): Promise<HostileMember & { readonly name: string }> => {
  const name = `mallory-${++members}`
  const handlers = blocks === undefined ? {} : { '/mesh/blocks/1': blocks }
  const hostile = await createHostileMember(cluster, victim, { name, handlers })
  t.teardown(() => hostile.stop())
  return { ...hostile, name }
}

const shows = (node: typeof victim, name: string, content: Buffer): Promise<unknown> =>
  until(
    `${name} at ${node.name}`,
    () => node.readBytes(name)?.equals(content) === true,
    PATIENCE_MS,
  )

const blamed = (name: string, code: string) =>
  victim.logged(
    (line) => line.level === 40 && line.name === name && line.code === code,
    PATIENCE_MS,
  )

const faultsOf = async (name: string): Promise<readonly unknown[] | undefined> =>
  (await clientOf(victim).peers()).peers.find((peer) => peer.name === name)?.faults

/** What a holder answers: a list, and blocks, or nothing at all. */
const holder =
  (answers: {
    readonly list?: Uint8Array
    readonly block?: (stream: FrameStream, id: number, index: number) => Promise<void>
  }): ProtocolHandler =>
  async (stream) => {
    for (let frame = await stream.receive(); frame !== undefined; frame = await stream.receive()) {
      const { type, id, indexes } = readBlockRequest(frame)
      const { list, block } = answers
      if (type === 1) await stream.send(allBlocks(id))
      if (type === 3 && list !== undefined) {
        for (let at = 0; at < list.length; at += PIECE_BYTES) {
          const bytes = list.subarray(at, at + PIECE_BYTES)
          await stream.send(listPiece(id, list.length, at, bytes))
        }
      }
      for (const index of indexes) await block?.(stream, id, index)
    }
  }

/** Claims to hold the content of a statement that nobody else has. */
const claim = async ({ link }: HostileMember, signed: SignedStatement): Promise<void> => {
  await (await link).send(items({ record: record(signed), holds: true }))
}

const signList = (name: string, list: BlockList, version = 1): Promise<SignedStatement> =>
  sign(cluster, name, '', {
    version,
    content: { digest: sha256(`a content of ${name}`), sizeBytes: list.sizeBytes },
    blocks: blockListDigest(list),
  })

/** Memory that an attack costs at its highest. */
const growthOf = async (work: () => Promise<unknown>): Promise<number> => {
  const before = memoryOf(victim).nowBytes
  forgetPeak(victim)
  await work()
  return memoryOf(victim).peakBytes - before
}

const isWell = async (t: Test): Promise<void> => {
  const content = randomBytes(100_000)
  const version = (await versionAt(honest, 'app')) + 1
  await put(cluster, honest, 'app', version, content, { listed: true })
  await shows(victim, 'app', content)
  t.pass('an honest file arrives')
}

const appOf = Buffer.from('app')

t.test('a holder with another list than was signed keeps nobody from the content', async (t) => {
  const content = randomBytes(3 * MEBIBYTE)
  const list = listOf(content)
  const signed = await sign(cluster, 'lied', content, { blocks: blockListDigest(list) })
  const wrong = encodeBlockList(list)
  // One digit of one digest.
  wrong.set([(wrong[10] ?? 0) ^ 1], 10)
  const liar = await member(t, holder({ list: wrong }))
  await claim(liar, signed)
  await blamed(liar.name, 'ERR_FILE_CONTENT_MISMATCH')
  t.equal(victim.readBytes('lied'), undefined)
  const long = await member(t, holder({ list: new Uint8Array(6 + 36 * 100_000) }))
  await claim(long, signed)
  await blamed(long.name, 'ERR_PROTOCOL_MALFORMED')
  t.equal(victim.readBytes('lied'), undefined)
  await put(cluster, honest, 'lied', 2, content, { listed: true })
  await shows(victim, 'lied', content)
})

t.test(
  'a signed list of a hundred thousand entries takes bounded memory and no room',
  async (t) => {
    const blocks = Array.from({ length: 100_000 }, (_, index) => ({
      digest: sha256(`block ${index}`),
      sizeBytes: MIN_CHUNK_BYTES,
    }))
    const list = createBlockList(blocks)
    const signed = await signList('long', list)
    const asked = Promise.withResolvers<void>()
    const mallory = await member(
      t,
      holder({ list: encodeBlockList(list), block: async () => asked.resolve() }),
    )
    // A disk that is smaller than what the list speaks of refuses it before anything is asked for.
    const refused = victim.logged(
      ({ name, msg }) => name === 'long' && msg === 'content not fetched',
      PATIENCE_MS,
    )
    refused.catch(() => {})
    const growth = await growthOf(async () => {
      await claim(mallory, signed)
      await Promise.race([asked.promise, refused])
      await isWell(t)
    })
    t.ok(growth < MAX_GROWTH_BYTES, `${Math.round(growth / MEBIBYTE)} MiB more at most`)
    await put(cluster, honest, 'long', 2, appOf)
    await shows(victim, 'long', appOf)
    await until(
      'what was begun to be gone',
      () => readdirSync(join(victim.stateDir, 'partial')).length === 0,
      PATIENCE_MS,
    )
    t.equal((await clientOf(victim).blocks()).assemblies, 0)
  },
)

t.test('one block in a hundred places is fetched once', async (t) => {
  const block = randomBytes(MIN_CHUNK_BYTES)
  const one = { digest: sha256(block), sizeBytes: block.length }
  const list = createBlockList(Array.from({ length: 100 }, () => one))
  const content = Buffer.concat(Array.from({ length: 100 }, () => block))
  const signed = await sign(cluster, 'many', content, { blocks: blockListDigest(list) })
  let given = 0
  const mallory = await member(
    t,
    holder({
      list: encodeBlockList(list),
      async block(stream, id, index) {
        given++
        for (let at = 0; at < block.length; at += PIECE_BYTES) {
          await stream.send(blockPiece(id, index, at, block.subarray(at, at + PIECE_BYTES)))
        }
      },
    }),
  )
  await claim(mallory, signed)
  await shows(victim, 'many', content)
  t.comment(`given ${given} times`)
  // What was asked for at the same time may come as well.
  t.ok(given < 100, `${given} of 100`)
  t.same(await faultsOf(mallory.name), [])
})

const hear = (stream: FrameStream): Promise<Uint8Array | undefined> =>
  stream.receive({ timeoutMs: PATIENCE_MS })

/** Opens a content and says what the daemon answers first, and then to a request for its first block. */
const answersTo = async (
  stream: FrameStream,
  id: number,
  [name, digest, list]: readonly [string, string, string],
): Promise<readonly (number | undefined)[]> => {
  await stream.send(openBlocks(id, name, digest, list))
  const opened = await hear(stream)
  await stream.send(askList(id))
  await stream.send(askBlocks(id, [0]))
  const asked = await hear(stream)
  return [opened?.[0], asked?.[0]]
}

/** docs/protocols/block-exchange.md: none, then not. */
const NOTHING = [16, 22]

t.test('nobody gets blocks that it may not read', async (t) => {
  const content = randomBytes(2 * MEBIBYTE)
  const list = blockListDigest(listOf(content))
  const digest = sha256(content)
  await put(cluster, victim, 'gone', 1, content, { listed: true })
  const mallory = await member(t)
  const stream = await mallory.open('/mesh/blocks/1')
  await stream.send(openBlocks(1, 'gone', digest, list))
  t.equal((await hear(stream))?.[0], 17, 'a member gets what is shown')
  const other = sha256('other')
  t.same(await answersTo(stream, 2, ['elsewhere', digest, list]), NOTHING, 'no name is shown so')
  t.same(await answersTo(stream, 3, ['app', digest, list]), NOTHING, 'the hash is another name’s')
  t.same(await answersTo(stream, 4, ['gone', other, list]), NOTHING, 'another content')
  t.same(await answersTo(stream, 5, ['gone', digest, other]), NOTHING, 'another list')

  await put(cluster, victim, 'gone', 2, undefined)
  t.equal((await hear(stream))?.[0], 16, 'what was open is told to be gone')
  await stream.send(askBlocks(1, [0]))
  t.equal((await hear(stream))?.[0], 22, 'and nothing of it is given')
  t.same(await answersTo(stream, 6, ['gone', digest, list]), NOTHING)
  t.same(await faultsOf(mallory.name), [], 'to ask is no fault')
})

t.test('whose certificate is revoked gets nothing more', async (t) => {
  const content = randomBytes(24 * MEBIBYTE)
  const list = listOf(content)
  await put(cluster, victim, 'big', 1, content, { listed: true })
  const mallory = await member(t)
  const stream = await mallory.open('/mesh/blocks/1')
  await stream.send(openBlocks(1, 'big', sha256(content), blockListDigest(list)))
  t.equal((await hear(stream))?.[0], 17)
  const text = encodeRevocations(cluster.networkId, [
    {
      key: mallory.identity.publicKey,
      certificates: 'all',
      revokedAt: Date.now() as Timestamp,
    },
  ])
  const byNetwork = { ...cluster, signer: cluster.networkKey }
  await put(byNetwork, victim, REVOKED_FILE, 1, text)
  await stream
    .send(
      askBlocks(
        1,
        list.blocks.map((_, index) => index),
      ),
    )
    .catch(() => {})
  let bytes = 0
  try {
    for (let frame = await hear(stream); frame !== undefined; ) {
      bytes += frame.length
      frame = await hear(stream)
    }
  } catch (error) {
    t.comment(`${error}`)
  }
  t.ok(bytes < content.length, `${bytes} bytes after it was revoked`)
  t.ok(stream.signal.aborted || bytes === 0, 'its stream has ended')
  await t.rejects(mallory.open('/mesh/blocks/1'))
  await isWell(t)
})

t.test('requesters that never read take bounded memory and nobody’s turn', async (t) => {
  const content = randomBytes(48 * MEBIBYTE)
  const list = listOf(content)
  await honest.kill()
  await put(cluster, victim, 'big', 2, content, { listed: true })
  const indexes = list.blocks.map((_, index) => index)
  const growth = await growthOf(async () => {
    for (let count = 0; count < 6; count++) {
      const { open } = await member(t)
      for (let each = 0; each < 2; each++) {
        const stream = await open('/mesh/blocks/1')
        await stream.send(openBlocks(1, 'big', sha256(content), blockListDigest(list)))
        await stream.send(askBlocks(1, indexes))
      }
    }
    await until(
      'all of them to be served',
      async () => (await clientOf(victim).transfers()).sending.length >= 12,
      PATIENCE_MS,
    )
    await honest.start()
    await shows(honest, 'big', content)
  })
  t.ok(growth < MAX_GROWTH_BYTES, `${Math.round(growth / MEBIBYTE)} MiB more at most`)
})

t.test('a holder that trickles is overtaken by one that does not', async (t) => {
  const content = randomBytes(3 * MEBIBYTE)
  const list = listOf(content)
  const signed = await sign(cluster, 'slow', content, { blocks: blockListDigest(list) })
  const begun = Promise.withResolvers<void>()
  const mallory = await member(
    t,
    holder({
      list: encodeBlockList(list),
      // The least that a piece may have, and then the next when nobody waits for it any more.
      async block(stream, id, index) {
        await stream.send(blockPiece(id, index, 0, content.subarray(0, 16 * 1024)))
        begun.resolve()
        if (!stream.signal.aborted) await once(stream.signal, 'abort')
      },
    }),
  )
  await claim(mallory, signed)
  await begun.promise
  t.equal(victim.readBytes('slow'), undefined)
  await clientOf(honest).upload('slow', {
    ...fieldsOf(signed),
    sizeBytes: content.length,
    chunks: Readable.from([content]),
  })
  await shows(victim, 'slow', content)
  t.same(await faultsOf(mallory.name), [], 'a slow line is no crime')
})

t.test('leaves the daemons well', async (t) => {
  for (const node of [victim, honest]) {
    t.strictSame(
      node.log.filter(({ level }) => level === 0 || level > 50),
      [],
      `${node.name} has neither crashed nor failed`,
    )
    const broke = node.log.filter(({ msg }) => /broke the rules/.test(msg))
    t.strictSame(
      broke.filter(({ name }) => !/^mallory/.test(`${name}`)),
      [],
      'nobody honest is blamed',
    )
  }
})
