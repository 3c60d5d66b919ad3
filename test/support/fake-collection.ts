/**
 * A collection in memory for tests of the sync engine: the greatest version of each name is kept.
 * Its records are text, and its signature is a word, so that hostile ones are easy to make and
 * 100,000 of them cost nothing.
 */
import { MeshError } from '../../src/errors/index.ts'
import { createCompactSelection } from '../../src/sync/collections/compact-selection.ts'
import { createSortedTree } from '../../src/tree/index.ts'
import { placedId, sha256 } from '../../src/util/index.ts'
import type {
  AssembledContent,
  Acceptance,
  Accept,
  Collection,
  CollectionListener,
} from '../../src/sync/collection.ts'
import type { Content, ContentRef, Item, MissingContent } from '../../src/sync/collection.ts'
import type { IdTree } from '../../src/tree/index.ts'
import type { Digest } from '../../src/util/index.ts'

export interface FakeRecord {
  readonly name: string
  readonly version: number
  /** `good`, `sk` for a kind that is not supported, or anything else for a forged one. */
  readonly signature: string
  readonly signer: string
  readonly network: string
  readonly content?: ContentRef
  /** Makes the record longer. */
  readonly pad?: string
}

export const record = (
  name: string,
  version: number,
  content?: Uint8Array,
  rest: Partial<FakeRecord> = {},
): FakeRecord => ({
  name,
  version,
  signature: 'good',
  signer: 'anna',
  network: 'test',
  ...(content === undefined
    ? {}
    : { content: { digest: sha256(content), sizeBytes: content.length } }),
  ...rest,
})

export const encodeRecord = (value: FakeRecord): Uint8Array => Buffer.from(JSON.stringify(value))

/** As with statements, the id does not commit to the bytes of the signature, and begins with its place. */
export const recordIdOf = ({ signature: _, ...rest }: FakeRecord): Digest =>
  placedId(`${rest.name}\n${rest.signer}`, JSON.stringify(rest))

const itemOf = (value: FakeRecord): Item => ({
  id: recordIdOf(value),
  name: value.name,
  rank: value.version,
  bytes: encodeRecord(value),
  ...(value.content === undefined ? {} : { content: value.content }),
})

export interface FakeCollection extends Collection {
  /** Root of the tree. */
  digest(): Digest
  /** As an upload would. */
  publish(value: FakeRecord, content?: Uint8Array): void
  /** As if it had been there from the start: nobody is told. */
  insert(value: FakeRecord): void
  current(name: string): FakeRecord | undefined
  /** Whether the content of what is kept is here. */
  isComplete(name: string): boolean
  setNames(names: readonly string[]): void
  setSigners(signers: readonly string[]): void
  /** Called for each record that is judged, after the check whether it is known. */
  readonly verified: { count: number }
}

export const createFakeCollection = (init: {
  names: readonly string[]
  signers?: readonly string[]
  name?: string
  /** Replaces what is served, to make a liar. */
  serve?: (content: Uint8Array) => Content
}): FakeCollection => {
  let names = [...new Set(init.names)].sort()
  let wanted = new Set(names)
  let signers = new Set(init.signers ?? ['anna'])
  const kept = new Map<string, FakeRecord>()
  const byId = new Map<Digest, FakeRecord>()
  const contents = new Map<Digest, Uint8Array>()
  const listeners = new Set<CollectionListener>()
  const verified = { count: 0 }
  let sorted: IdTree | undefined

  const tree = (): IdTree => {
    sorted ??= createSortedTree([...byId.keys()].sort())
    return sorted
  }

  const emit = (run: (listener: CollectionListener) => void): void => {
    for (const listener of listeners) run(listener)
  }

  const keep = (value: FakeRecord): void => {
    const before = kept.get(value.name)
    if (before !== undefined) byId.delete(recordIdOf(before))
    kept.set(value.name, value)
    byId.set(recordIdOf(value), value)
    sorted = undefined
  }

  const isHere = ({ content }: FakeRecord): boolean =>
    content === undefined || contents.has(content.digest)

  const refuse = (
    code: ConstructorParameters<typeof MeshError>[0],
    why: Extract<Acceptance, { outcome: 'refused' }>['why'],
  ): Acceptance => ({ outcome: 'refused', why, error: new MeshError(code, code) })

  const readAll = async (
    source: Content | AssembledContent,
    sizeBytes: number,
  ): Promise<Uint8Array> => {
    if ('path' in source) throw new Error('nothing here has blocks')
    const bytes = Buffer.alloc(sizeBytes)
    let at = 0
    for await (const chunk of source) {
      if (at + chunk.length > sizeBytes) throw new MeshError('ERR_FILE_CONTENT_MISMATCH', 'long')
      bytes.set(chunk, at)
      at += chunk.length
    }
    return bytes.subarray(0, at)
  }

  const acceptOf =
    (value: FakeRecord): Accept =>
    async (source, from, { signal }) => {
      if (!wanted.has(value.name)) return refuse('ERR_FILE_NOT_CONFIGURED', 'policy')
      if (value.network !== 'test') return refuse('ERR_FILE_NETWORK_MISMATCH', 'other')
      if (!signers.has(value.signer)) return refuse('ERR_FILE_SIGNER_NOT_ALLOWED', 'policy')
      const before = kept.get(value.name)
      if (before !== undefined && before.version > value.version) return { outcome: 'known' }
      verified.count++
      if (value.signature !== 'good') return refuse('ERR_SIGNATURE_INVALID', 'fault')
      const known = before !== undefined && recordIdOf(before) === recordIdOf(value)
      if (known && (source === undefined || isHere(value))) return { outcome: 'known' }
      if (source !== undefined && value.content !== undefined) {
        let bytes: Uint8Array
        try {
          bytes = await readAll(source, value.content.sizeBytes)
        } catch (error) {
          if (signal.aborted || !(error instanceof MeshError)) throw error
          return { outcome: 'refused', why: 'content', error }
        }
        if (sha256(bytes) !== value.content.digest) {
          return refuse('ERR_FILE_CONTENT_MISMATCH', 'content')
        }
        contents.set(value.content.digest, bytes)
      }
      const current = kept.get(value.name)
      if (current !== undefined && current.version > value.version) return { outcome: 'known' }
      if (known) {
        emit((listener) => listener.completed(itemOf(value), from))
      } else {
        keep(value)
        emit((listener) => listener.stored(itemOf(value), from))
      }
      emit((listener) => listener.changed(value.name))
      return { outcome: 'stored' }
    }

  const missingOf = (name: string): MissingContent[] => {
    const value = kept.get(name)
    if (value?.content === undefined || isHere(value) || !wanted.has(name)) return []
    return [{ name, content: value.content, accept: acceptOf(value) }]
  }

  const replaceAll = (): void => {
    for (const [name, value] of kept) {
      if (wanted.has(name) && signers.has(value.signer)) continue
      kept.delete(name)
      byId.delete(recordIdOf(value))
    }
    sorted = undefined
    for (const name of names) emit((listener) => listener.changed(name))
  }

  return {
    name: init.name ?? 'files',
    selectors: () => names,
    wants: (name) => wanted.has(name),
    createSelection: () => createCompactSelection(Buffer.from('salt')),
    tree: {
      summary: (prefix) => tree().summary(prefix),
      children: (prefix) => tree().children(prefix),
      ids: (prefix) => tree().ids(prefix),
    },
    nameOf: (id) => byId.get(id)?.name,
    digest: () => tree().summary('').hash,
    has: (id) => byId.has(id),
    get(id) {
      const value = byId.get(id)
      return value === undefined ? undefined : itemOf(value)
    },
    parse(bytes) {
      let value: FakeRecord
      try {
        value = JSON.parse(Buffer.from(bytes).toString())
      } catch {
        throw new MeshError('ERR_PROTOCOL_MALFORMED', 'not a record')
      }
      if (typeof value?.name !== 'string' || typeof value.version !== 'number') {
        throw new MeshError('ERR_PROTOCOL_MALFORMED', 'not a record')
      }
      if (value.signature === 'sk') throw new MeshError('ERR_SIGNATURE_UNSUPPORTED', 'a token')
      return {
        ...itemOf(value),
        relayable: value.network === 'test',
        verify() {
          verified.count++
          return value.signature === 'good'
        },
        accept: acceptOf(value),
      }
    },
    holds: ({ content }) => content !== undefined && contents.has(content.digest),
    missing: (name) => (name === undefined ? [...kept.keys()] : [name]).flatMap(missingOf),
    async open(name, digest) {
      const value = kept.get(name)
      const content = contents.get(digest)
      if (content === undefined || value?.content?.digest !== digest) return undefined
      return {
        sizeBytes: content.length,
        async *stream({ start }) {
          const rest = content.subarray(start)
          if (init.serve !== undefined) yield* init.serve(rest)
          else for (let at = 0; at < rest.length; at += 50_000) yield rest.subarray(at, at + 50_000)
        },
      }
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    publish(value, content) {
      if (content !== undefined && value.content !== undefined) {
        contents.set(value.content.digest, content)
      }
      keep(value)
      emit((listener) => listener.stored(itemOf(value), undefined))
      emit((listener) => listener.changed(value.name))
    },
    insert: keep,
    current: (name) => kept.get(name),
    isComplete: (name) => {
      const value = kept.get(name)
      return value !== undefined && isHere(value)
    },
    setNames(next) {
      names = [...new Set(next)].sort()
      wanted = new Set(names)
      replaceAll()
    },
    setSigners(next) {
      signers = new Set(next)
      replaceAll()
    },
    verified,
  }
}
