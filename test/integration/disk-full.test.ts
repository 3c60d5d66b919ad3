/** A disk that fills up while large content is on its way into a daemon. */
import { randomBytes } from 'node:crypto'
import { readdirSync, statfsSync } from 'node:fs'
import t from 'tap'
import { isMeshError } from '../../src/errors/index.ts'
import { fillDisk, inside, onSmallDisk, whyNoMounts } from '../support/small-disk.ts'
import { startCluster, until } from './cluster.ts'
import { clientOf, put } from './state.ts'
import type { Test } from 'tap'
import type { ClusterNode } from './cluster.ts'

const MEBIBYTE = 2 ** 20
const SIZE_BYTES = 12 * MEBIBYTE
const PATIENCE_MS = 180_000

t.setTimeout(60 * 60_000)

const begin = async (t: Test) => {
  const cluster = await startCluster({
    files: ['large', 'small'],
    machines: [{ address: '127.0.0.1', prefix: onSmallDisk(24) }],
    // Slow enough to be seen half-way; the first so many bytes come at once.
    config: { cluster: 'push_pull_interval = "1s"\nmax_download = "2MiB"' },
  })
  t.teardown(cluster.stop)
  const [node, other, idle] = cluster.nodes
  await idle.stop()
  return { cluster, node, other }
}

const warningsOf = async (node: ClusterNode) => {
  const { warnings = [] } = await clientOf(node).health()
  return warnings.filter(({ code }) => code === 'disk-full')
}

const freeBytes = (node: ClusterNode): number => {
  const { bavail, bsize } = statfsSync(inside(node, '.'))
  return bavail * bsize
}

/** The shown content, as the daemon gives it out. */
const read = async (node: ClusterNode, name: string): Promise<Buffer | undefined> => {
  try {
    const { chunks } = await clientOf(node).download(name)
    const pieces: Uint8Array[] = []
    for await (const piece of chunks) pieces.push(piece)
    return Buffer.concat(pieces)
  } catch (error) {
    if (isMeshError(error)) return undefined
    throw error
  }
}

const shows = (node: ClusterNode, name: string, content: Buffer): Promise<unknown> =>
  until(
    `${name} at ${node.name}`,
    async () => (await read(node, name))?.equals(content) === true,
    PATIENCE_MS,
  )

t.test(
  'a fetch that fills the disk gives the room back, says so, and goes on when there is enough',
  { skip: whyNoMounts() },
  async (t) => {
    const { cluster, node, other } = await begin(t)
    await put(cluster, node, 'small', 1, Buffer.from('one'))
    const content = randomBytes(SIZE_BYTES)
    await put(cluster, other, 'large', 1, content, { listed: true })
    const doneBytes = async () => (await clientOf(node).transfers()).receiving[0]?.doneBytes ?? 0
    const had = await until(
      'a part of it',
      async () => (await doneBytes()) > 2 * MEBIBYTE && (await doneBytes()),
      PATIENCE_MS,
    )
    const makeRoom = fillDisk(node)
    const [warning] = await until(
      'the warning',
      async () => {
        const found = (await warningsOf(node)).filter(({ subject }) => subject === 'large')
        return found.length > 0 && found
      },
      PATIENCE_MS,
    )
    t.match(warning, {
      severity: 'error',
      message:
        /^the content of large \(12 MiB\) is not taken in: .*; it is fetched when there is room$/,
    })
    await until('its room', () => readdirSync(inside(node, 'partial')).length === 0, PATIENCE_MS)
    t.ok(freeBytes(node) >= had - MEBIBYTE, `${freeBytes(node)} of ${had} bytes are free again`)
    t.equal(await read(node, 'large'), undefined, 'nothing of it is shown')
    // What is small goes on as before.
    await put(cluster, other, 'small', 2, Buffer.from('two'))
    await shows(node, 'small', Buffer.from('two'))

    makeRoom()
    await shows(node, 'large', content)
    await until('no warning', async () => (await warningsOf(node)).length === 0, PATIENCE_MS)
    t.same([...readdirSync(inside(node, 'partial')), ...readdirSync(inside(node, 'tmp'))], [])
  },
)

t.test(
  'an upload that fills the disk is refused by name, gives the room back, and can be sent again',
  { skip: whyNoMounts() },
  async (t) => {
    const { cluster, node } = await begin(t)
    await put(cluster, node, 'small', 1, Buffer.from('one'))
    const content = randomBytes(SIZE_BYTES)
    const before = freeBytes(node)
    let makeRoom: (() => void) | undefined
    let bytesAtFill = 0
    const error = await put(cluster, node, 'large', 1, content, {
      listed: true,
      onPiece(handedBytes) {
        if (makeRoom !== undefined || handedBytes < SIZE_BYTES / 2) return
        makeRoom = fillDisk(node)
        bytesAtFill = handedBytes
      },
    }).catch((error: unknown) => error)
    t.ok(isMeshError(error, 'ERR_DISK_FULL'), String(error))
    t.match(error, { message: /the disk is full; make room/ })
    t.ok(bytesAtFill > 0)
    t.same(readdirSync(inside(node, 'tmp')), [])
    t.equal(await read(node, 'large'), undefined)
    t.equal((await read(node, 'small'))?.toString(), 'one')
    t.equal((await warningsOf(node)).length, 1)

    makeRoom?.()
    t.ok(freeBytes(node) >= before - MEBIBYTE, `${freeBytes(node)} of ${before} bytes are free`)
    await put(cluster, node, 'large', 1, content, { listed: true })
    await shows(node, 'large', content)
    t.same(await warningsOf(node), [])
  },
)
