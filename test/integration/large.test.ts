/** Large files through real daemons: signed by the CLI, sent with curl, fetched by blocks. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createChunker, blockListDigest } from '../../src/chunk/index.ts'
import { curlHeaders, run, sign, startCluster, until } from './cluster.ts'

const MEBIBYTE = 2 ** 20

const listOf = (content: Uint8Array) => {
  const chunker = createChunker()
  chunker.update(content)
  return blockListDigest(chunker.end().list)
}

t.test('a large file goes from one daemon to all others by blocks', async (t) => {
  const cluster = await startCluster({ files: ['big'], maxSize: '1GiB', config: { '': 'log_level = "debug"' } })
  t.teardown(() => cluster.stop())
  const content = randomBytes(24 * MEBIBYTE)
  const path = join(cluster.directory, 'big')
  writeFileSync(path, content)
  const signed = await sign(cluster, 'big', content, { blocks: listOf(content) })
  const [first] = cluster.nodes
  const { out } = await run('curl', ['-sS', '-T', path, ...curlHeaders(signed), `${first.url}/files/big`])
  t.match(JSON.parse(out), { outcome: 'stored' })
  for (const node of cluster.nodes) {
    await until(`big at ${node.name}`, () => node.readBytes('big')?.equals(content))
  }
})
