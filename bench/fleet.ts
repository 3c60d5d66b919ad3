/** Daemons of one network that pass a large file on, each a process as `mesh server` runs it. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { curlHeaders, run, sign, startCluster, until } from '../test/integration/cluster.ts'
import { describeFile } from './large-file.ts'
import { NODE_FLAGS } from './process.ts'
import type { Cluster, ClusterInit, ClusterNode } from '../test/integration/cluster.ts'
import type { ContentFields } from './large-file.ts'

export const NAME = 'large.bin'
/** A gigabyte on a busy machine takes minutes. */
export const PATIENCE_MS = 20 * 60_000

export interface Fleet {
  readonly cluster: Cluster
  readonly nodes: readonly ClusterNode[]
  /** For the content that is going to be uploaded. */
  readonly path: string
  /** Uploads the file at `path` into a node with curl, as the next version; answers its content. */
  upload(node: ClusterNode, fields?: ContentFields): Promise<ContentFields>
  /** Waits until a node shows the content of the last upload, durable. */
  shows(node: ClusterNode): Promise<void>
  stop(): Promise<void>
}

/** Starts as many daemons as asked for; of the three that a cluster has at least, the rest are stopped. */
export const startFleet = async (count: number, init: ClusterInit = {}): Promise<Fleet> => {
  const cluster = await startCluster({
    count: Math.max(3, count),
    files: [NAME],
    maxSize: '16GiB',
    nodeArguments: NODE_FLAGS,
    ...init,
  })
  const nodes = cluster.nodes.slice(0, count)
  const path = join(cluster.directory, 'content')
  let version = 0
  let shown: { fields: ContentFields; uploadedAtMs: number } | undefined
  try {
    for (const node of cluster.nodes.slice(count)) await node.stop()
  } catch (error) {
    await cluster.stop()
    throw error
  }
  return {
    cluster,
    nodes,
    path,
    async upload(node, given) {
      const fields = given ?? (await describeFile(path))
      version++
      const signed = await sign(cluster, NAME, '', { ...fields, version })
      const args = ['-sS', '--fail-with-body', '-T', path, ...curlHeaders(signed)]
      shown = { fields, uploadedAtMs: Date.now() }
      const { code, out, err } = await run('curl', [...args, `${node.url}/files/${NAME}`], {
        timeoutMs: PATIENCE_MS,
      })
      if (code !== 0) throw new Error(`curl ended with ${code}: ${err}${out}`)
      return fields
    },
    async shows(node) {
      const file = node.file(NAME)
      const wanted = shown
      if (wanted === undefined) throw new Error('nothing was uploaded')
      const { digest } = wanted.fields.content
      await until(
        `${node.name} to show it`,
        // Asking a daemon costs it time: only when the file has been replaced.
        async () => {
          if (!existsSync(file)) return false
          const { size, ctimeMs } = await stat(file)
          if (size !== wanted.fields.content.sizeBytes || ctimeMs < wanted.uploadedAtMs)
            return false
          return (await etagOf(node)).includes(digest.replace('sha256:', ''))
        },
        PATIENCE_MS,
      )
    },
    stop: () => cluster.stop(),
  }
}

/** What a node says the content of the file is now. */
const etagOf = async ({ url }: ClusterNode): Promise<string> => {
  const response = await fetch(`${url}/files/${NAME}`, { method: 'HEAD' })
  return response.headers.get('etag') ?? ''
}

/** Bytes that a process has written since it began, to sockets and disks. */
export const writtenBytes = ({ pid }: ClusterNode): number =>
  Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN)

/** Runs something and answers how long it took, in seconds. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const beganMs = performance.now()
  await work()
  return (performance.now() - beganMs) / 1000
}

export const isThere = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false }) !== undefined
