/** Nodes that sync real files over a network in memory, on virtual time. */
import { createMemoryDisk } from '../../src/disk/index.ts'
import { createBlocks } from '../../src/blocks/index.ts'
import { blockListDigest, createChunker } from '../../src/chunk/index.ts'
import { createFiles } from '../../src/files/index.ts'
import { privateKeyFromSeed } from '../../src/keys/index.ts'
import { parseFileName, parseNetworkId, signStatement } from '../../src/statement/index.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { createSync, locateContents } from '../../src/sync/index.ts'
import { sha256 } from '../../src/util/index.ts'
import { createMesh } from './mesh.ts'
import type { Blocks } from '../../src/blocks/index.ts'
import type { Disk } from '../../src/disk/index.ts'
import type { FilePolicy, Files, Verdict } from '../../src/files/index.ts'
import type { PublicKey } from '../../src/keys/index.ts'
import type { SignedStatement } from '../../src/statement/index.ts'
import type { Store } from '../../src/store/index.ts'
import type { EngineInit } from '../../src/sync/index.ts'
import type { Digest, Timestamp } from '../../src/util/index.ts'
import type { Mesh, MeshInit, MeshNode } from './mesh.ts'

export const network = parseNetworkId('test')

const keyOf = (byte: number) => privateKeyFromSeed(new Uint8Array(32).fill(byte))
export const signers = { anna: keyOf(1), bert: keyOf(2), eve: keyOf(3) }

export interface Draft {
  readonly name: string
  readonly version?: number
  /** `null`: a tombstone. */
  readonly content: Uint8Array | null
  readonly by?: readonly (keyof typeof signers)[]
  readonly timeMs?: number
  readonly network?: string
  /** Signs the list of its blocks as well. */
  readonly listed?: boolean
}

export const listDigestOf = (content: Uint8Array): Digest => {
  const chunker = createChunker()
  chunker.update(content)
  return blockListDigest(chunker.end().list)
}

const START_MS = Date.UTC(2026, 0, 1)

export const sign = (draft: Draft): Promise<SignedStatement> => {
  const { name, version = 1, content, by = ['anna'], timeMs = START_MS } = draft
  return signStatement(
    {
      network: draft.network === undefined ? network : parseNetworkId(draft.network),
      name: parseFileName(name),
      version,
      time: timeMs as Timestamp,
      expires: 'never',
      replaces: 'none',
      content:
        content === null ? 'deleted' : { digest: sha256(content), sizeBytes: content.length },
      blocks: draft.listed === true && content !== null ? listDigestOf(content) : 'none',
    },
    by.map((signer) => signers[signer]),
  )
}

export async function* source(content: Uint8Array) {
  for (let at = 0; at < content.length; at += 262_144) yield content.subarray(at, at + 262_144)
}

export interface FilesState {
  readonly files: Files
  readonly blocks: Blocks
  readonly disk: Disk
  readonly store: Store
}

export const policyOf = (
  name: string,
  allowed: readonly PublicKey[] = [signers.anna.publicKey, signers.bert.publicKey],
): FilePolicy => ({
  name: parseFileName(name),
  signers: allowed,
  maxSizeBytes: 64 * 2 ** 20,
  mode: 0o644,
})

/** Uploads at one node, with the content. */
export const upload = async (
  mesh: Mesh<FilesState>,
  node: MeshNode<FilesState>,
  draft: Draft,
): Promise<Verdict> => {
  const signed = await sign(draft)
  const content = draft.content === null ? undefined : source(draft.content)
  return mesh.run(node.state.files.accept(signed, content, { kind: 'upload', force: true }))
}

/** What is shown of a name: `<version> <digest>`, `deleted`, or the state in which it is. */
export const shownAt = ({ state }: MeshNode<FilesState>, name: string): string => {
  const view = state.files.view(parseFileName(name))
  const statement = view?.winner?.signed.statement
  if (view?.state !== 'shown' || statement === undefined) return view?.state ?? 'unknown'
  return `${statement.version} ${statement.content === 'deleted' ? '' : statement.content.digest}`
}

/** The bytes on a node's disk, as another program would read them. */
export const readShown = async (
  { state }: MeshNode<FilesState>,
  name: string,
): Promise<Uint8Array | undefined> => state.disk.read(`files/${name}`, { maxBytes: 2 ** 27 })

export const createFilesMesh = (
  init: Omit<MeshInit<FilesState>, 'build'> & {
    readonly policies: readonly FilePolicy[] | ((index: number) => readonly FilePolicy[])
    readonly engine?: EngineInit
    /** Of each node's cache of blocks. */
    readonly cacheBytes?: number
  },
): Promise<Mesh<FilesState>> => {
  const { policies } = init
  return createMesh<FilesState>({
    ...init,
    async build(components, index) {
      const store = createMemoryStore()
      const disk = createMemoryDisk()
      await store.open()
      await disk.open()
      const files = createFiles(
        { ...components, store, disk },
        { network, policies: typeof policies === 'function' ? policies(index) : policies },
      )
      await files.start()
      const locate = locateContents(files)
      const { cacheBytes } = init
      const blocks = createBlocks(
        { ...components, store, disk, locate },
        cacheBytes === undefined ? {} : { cacheBytes },
      )
      await blocks.start()
      const sync = createSync({ ...components, files, blocks }, { network, ...init.engine })
      return { state: { files, blocks, disk, store }, sync }
    },
  })
}
