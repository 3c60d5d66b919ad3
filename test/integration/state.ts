/** What tests look at in the state directory of a daemon process, and how they put files there. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { blockListDigest, createChunker } from '../../src/chunk/index.ts'
import { createClient } from '../../src/client/index.ts'
import { encodeSshsig } from '../../src/keys/index.ts'
import { parseStatementFile, STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { toBase64, utf8 } from '../../src/util/index.ts'
import { sign, until } from './cluster.ts'
import type { Test } from 'tap'
import type { BlockList } from '../../src/chunk/index.ts'
import type { Cluster, ClusterNode } from './cluster.ts'

const PIECE_BYTES = 2 ** 16
/** As long as it may take on a machine that has much else to do. */
export const PATIENCE_MS = 240_000

export const clientOf = (node: ClusterNode) => createClient({ socketPath: node.socketPath })

async function* pieces(
  content: Uint8Array,
  onPiece: (handedBytes: number) => void,
): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    onPiece(at)
    yield content.subarray(at, at + PIECE_BYTES)
  }
}

/** How a content is cut into blocks. */
export const listOf = (content: Uint8Array): BlockList => {
  const chunker = createChunker()
  chunker.update(content)
  return chunker.end().list
}

export interface PutInit {
  /** Signs the list of its blocks as well. */
  readonly listed?: boolean
  /** Called before each piece with the bytes handed out so far. */
  readonly onPiece?: (handedBytes: number) => void
}

/** Signs and uploads one version (`undefined` deletes); resolves when it was acknowledged. */
export const put = async (
  cluster: Cluster,
  node: ClusterNode,
  name: string,
  version: number,
  content: Uint8Array | undefined,
  { listed = false, onPiece = () => {} }: PutInit = {},
): Promise<void> => {
  const { text, signatures } = await sign(cluster, name, content, {
    version,
    ...(listed && content !== undefined ? { blocks: blockListDigest(listOf(content)) } : {}),
  })
  const headers = {
    statement: toBase64(utf8(text)),
    signatures: signatures.map((entry) =>
      toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
    ),
  }
  if (content === undefined) await clientOf(node).remove(name, headers)
  else {
    await clientOf(node).upload(name, {
      ...headers,
      sizeBytes: content.length,
      chunks: pieces(content, onPiece),
    })
  }
}

export const catalogueOf = async (node: ClusterNode): Promise<string | undefined> => {
  const status = await clientOf(node).status()
  return 'catalogueDigest' in status ? status.catalogueDigest : undefined
}

/** The current version of a name at a node; 0 if there is none. */
export const versionAt = async (node: ClusterNode, name: string): Promise<number> =>
  (await clientOf(node).files({ name })).files[0]?.current?.version ?? 0

/** Codes of the health warnings of a node. */
export const warningsOf = async (node: ClusterNode): Promise<string[]> => {
  const { warnings = [] } = await clientOf(node).health()
  return warnings.map(({ code }) => code)
}

/** Paths of all files below a directory; none where there is no such directory. */
export const filesBelow = (directory: string): string[] => {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
  } catch {
    return []
  }
}

/** What is wrong with what consumers may read, or with what a crash may have left; nothing if all is well. */
const faultsOf = (node: ClusterNode): string[] => {
  const faults = filesBelow(join(node.stateDir, 'files')).flatMap((name) => {
    const content = node.readBytes(name)
    if (content === undefined) return []
    try {
      const beside = readFileSync(join(node.stateDir, 'statements', name), 'utf8')
      const said = parseStatementFile(beside).statement.content
      const digest = createHash('sha256').update(content).digest('hex')
      return said !== 'deleted' && said.digest === digest
        ? []
        : [`${name} shows what its statement does not say`]
    } catch (error) {
      return [`${name} has no statement beside it: ${String(error)}`]
    }
  })
  return [...faults, ...filesBelow(join(node.stateDir, 'tmp')).map((name) => `tmp/${name} is left`)]
}

/**
 * Fails unless all that consumers may read comes to be what the statement beside it says (file and
 * statement change one after the other), and nothing that a crash has left stays.
 */
export const checkState = async (t: Test, node: ClusterNode, where: string): Promise<void> => {
  let faults: string[] = []
  const isWell = (): boolean => {
    faults = faultsOf(node)
    return faults.length === 0
  }
  await until('a state that is well', isWell, PATIENCE_MS).catch(() =>
    t.fail(`${where}: ${faults.join()}`),
  )
}
