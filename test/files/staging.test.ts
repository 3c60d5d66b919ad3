import { once } from 'node:events'
import { EventEmitter } from 'node:events'
import t from 'tap'
import { blockListDigest, createChunker } from '../../src/chunk/index.ts'
import { MeshError } from '../../src/errors/index.ts'
import { createWorld, fromPeer, NAME, policy, short, sign, source, upload } from './world.ts'
import { sha256 } from '../../src/util/index.ts'
import type { ContentSource, FilesEvents } from '../../src/files/index.ts'

const MEBIBYTE = 2 ** 20

/** Endless data, which counts what is taken of it. */
const endless = (): ContentSource & { taken: number; returned: boolean } => {
  const found = {
    taken: 0,
    returned: false,
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        found.taken++
        return { done: false as const, value: new Uint8Array(64) }
      },
      return: async () => {
        found.returned = true
        return { done: true as const, value: undefined }
      },
    }),
  }
  return found
}

t.test('reads no further than the piece that is too much', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const content = endless()
  const signed = await sign({ text: 'x'.repeat(130) })
  t.equal(short(await world.files.accept(signed, content, upload)), 'ERR_FILE_CONTENT_MISMATCH')
  t.equal(content.taken, 3)
  t.equal(content.returned, true)
  t.same(await world.disk.list('tmp'), [])
})

t.test('streams content larger than it would hold in memory', async (t) => {
  const world = await createWorld([policy({ maxSizeBytes: 64 * MEBIBYTE })])
  t.teardown(() => world.stop())
  const text = 'abcdefgh'.repeat(MEBIBYTE / 2)
  const pieces = Array.from({ length: 64 }, (_, at) => text.slice(at * 65536, (at + 1) * 65536))
  t.equal(
    short(await world.files.accept(await sign({ text }), source(...pieces), upload)),
    'stored',
  )
  t.equal((await world.disk.stat(`files/${NAME}`))?.sizeBytes, text.length)
})

t.test('turns a source that fails into a verdict', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const signed = await sign({ text: 'hello' })
  const failing = (error: unknown): ContentSource =>
    (async function* () {
      yield Buffer.from('he')
      throw error
    })()
  for (const [error, code] of [
    [new Error('socket hang up'), 'ERR_STREAM_CLOSED'],
    [new MeshError('ERR_TIMEOUT', 'too slow'), 'ERR_TIMEOUT'],
    [new MeshError('ERR_DISK_FULL', "the peer's disk, not ours"), 'ERR_DISK_FULL'],
  ] as const) {
    t.equal(short(await world.files.accept(signed, failing(error), fromPeer)), code)
  }
  t.equal(world.files.view(NAME)?.state, 'none')
  t.same(await world.disk.list('tmp'), [])
  t.same(world.health.list(), [])
})

t.test(
  'lets go of a source that hangs when it is told to, and when the daemon stops',
  async (t) => {
    const world = await createWorld()
    const signed = await sign({ text: 'hello' })
    const hanging = (): { content: ContentSource; begun: Promise<unknown> } => {
      const events = new EventEmitter()
      const content = (async function* () {
        yield Buffer.from('he')
        events.emit('begun')
        await new Promise(() => {})
      })()
      return { content, begun: once(events, 'begun') }
    }
    const controller = new AbortController()
    const first = hanging()
    const aborted = t.rejects(
      world.files.accept(signed, first.content, upload, { signal: controller.signal }),
      { code: 'ERR_ABORTED' },
    )
    await first.begun
    controller.abort()
    await aborted
    t.same(await world.disk.list('tmp'), [])

    const second = hanging()
    const stopped = t.rejects(world.files.accept(signed, second.content, upload), {
      code: 'ERR_ABORTED',
    })
    await second.begun
    await world.stop()
    await stopped
    t.same(await world.disk.list('tmp'), [])
    await t.rejects(world.files.accept(signed, undefined, fromPeer), { code: 'ERR_ABORTED' })
  },
)

t.test('does nothing when it is cancelled before it begins', async (t) => {
  const world = await createWorld()
  t.teardown(() => world.stop())
  const signal = AbortSignal.abort()
  await t.rejects(world.files.accept(await sign(), source('x'), upload, { signal }), {
    code: 'ERR_ABORTED',
  })
  t.equal(world.files.view(NAME)?.state, 'none')
})

const cut = (text: string) => {
  const chunker = createChunker()
  chunker.update(Buffer.from(text))
  return chunker.end().list
}

t.test('checks the blocks against the signed list in the same pass', async (t) => {
  const world = await createWorld([policy({ maxSizeBytes: 64 * MEBIBYTE })])
  t.teardown(() => world.stop())
  const text = 'abcdefgh'.repeat(MEBIBYTE / 2)
  const list = cut(text)
  const listed: FilesEvents['listed'][0][] = []
  world.files.events.on('listed', (event) => listed.push(event))
  const wrong = await sign({ text, blocks: sha256('another list') })
  const refused = await world.files.accept(wrong, source(text), upload)
  t.match(refused, { error: { code: 'ERR_FILE_CONTENT_MISMATCH', message: /block list/ } })
  t.equal(listed.length, 0)
  t.same(await world.disk.list('tmp'), [])
  const right = await sign({ text, blocks: blockListDigest(list) })
  t.equal(short(await world.files.accept(right, source(text), upload)), 'stored')
  t.same(listed, [{ name: NAME, digest: sha256(text), list }])
  t.match(await world.files.locate(NAME, sha256(text)), { path: `files/${NAME}` })
})

t.test('takes over what was put together of checked blocks, without reading it', async (t) => {
  const world = await createWorld([policy({ maxSizeBytes: 64 * MEBIBYTE })])
  t.teardown(() => world.stop())
  const text = 'abcdefgh'.repeat(MEBIBYTE)
  const blocks = blockListDigest(cut(text))
  const signed = await sign({ text, blocks })
  const path = 'assembling/1'
  await world.disk.write(path, Buffer.from(text), { mode: 0o600 })
  const offer = { path, sizeBytes: text.length, blocks }
  const others = [
    { ...offer, blocks: sha256('another list') },
    { ...offer, sizeBytes: text.length - 1 },
    { ...offer, path: 'assembling/2' },
  ]
  for (const other of others) {
    t.equal(short(await world.files.accept(signed, other, fromPeer)), 'ERR_FILE_CONTENT_MISMATCH')
  }
  t.equal(short(await world.files.accept(signed, offer, fromPeer)), 'stored')
  t.equal(await world.shown(), text)
  t.equal(await world.disk.stat(path), undefined, 'there is no second copy')
})

t.test('refuses large content that has no block list, and says what makes one', async (t) => {
  const world = await createWorld([policy({ maxSizeBytes: 2 ** 40 })])
  t.teardown(() => world.stop())
  const signed = await sign({ text: 'x'.repeat(64 * MEBIBYTE + 1) })
  const refused = await world.files.accept(signed, source('x'), upload)
  t.match(refused, { error: { code: 'ERR_FILE_TOO_LARGE', message: /mesh file sign/ } })
  t.equal(short(await world.files.accept(signed, undefined, fromPeer)), 'stored')
  t.equal(world.files.view(NAME)?.state, 'too-large', 'a peer may tell of it; it is not fetched')
})
