/** Files in memory with the order of judgement that the real ones promise: content comes last. */
import { EventEmitter } from 'node:events'
import { isMeshError, MeshError } from '../../src/errors/index.ts'
import {
  compareStatements,
  parseFileName,
  recordId,
  verifyEntry,
} from '../../src/statement/index.ts'
import { createDigester } from '../../src/util/index.ts'
import type {
  ContentSource,
  FilePolicy,
  FileRecord,
  Files,
  FileView,
  Origin,
  Verdict,
} from '../../src/files/index.ts'
import type { FileName, SignedStatement } from '../../src/statement/index.ts'

interface Held {
  readonly record: FileRecord
  readonly bytes: Uint8Array
}

export interface FakeFiles
  extends Pick<
    Files,
    | 'accept'
    | 'view'
    | 'list'
    | 'counts'
    | 'history'
    | 'open'
    | 'openVersion'
    | 'holdsContent'
    | 'explain'
  > {
  /** Pieces of content that were read so far. */
  piecesRead(): number
  /** `asked`: content is asked for, `piece`: some was read, `accept`: a verdict has been given. */
  readonly events: EventEmitter<{ asked: []; piece: [number]; accept: [Verdict | Error] }>
  /** Throws this from the next `accept`. */
  failNext(error: unknown): void
  /** Does this after the next `open`, before anything of the file can be read. */
  afterOpen(work: () => Promise<unknown>): void
  /** Hides the content of a name, as if it had not arrived. */
  lose(name: FileName): void
}

export const createFakeFiles = (policies: readonly FilePolicy[]): FakeFiles => {
  const held = new Map<FileName, Held[]>()
  const lost = new Set<FileName>()
  const events: FakeFiles['events'] = new EventEmitter()
  let pieces = 0
  let failure: unknown
  let opened: (() => Promise<unknown>) | undefined

  const policyOf = (name: FileName): FilePolicy | undefined =>
    policies.find((policy) => policy.name === name)

  const judge = (signed: SignedStatement, from: Origin): 'new' | 'known' => {
    const { name, content } = signed.statement
    const policy = policyOf(name)
    if (policy === undefined) throw new MeshError('ERR_FILE_NOT_CONFIGURED', `${name} is not ours`)
    const [entry] = signed.signatures.filter(({ key }) => policy.signers.includes(key))
    if (entry === undefined) throw new MeshError('ERR_FILE_SIGNER_NOT_ALLOWED', 'not a signer')
    if (!verifyEntry(signed, entry)) throw new MeshError('ERR_SIGNATURE_INVALID', 'bad signature')
    const winner = held.get(name)?.[0]?.record.signed
    if (winner?.id === signed.id) return 'known'
    const unexpected =
      from.kind === 'upload' ? from.expects?.(held.get(name)?.[0]?.record) : undefined
    if (unexpected !== undefined) throw unexpected
    if (winner !== undefined && compareStatements(signed, winner) < 0) {
      throw new MeshError('ERR_FILE_NOT_NEWER', 'older', { data: { name } })
    }
    if (content !== 'deleted' && content.sizeBytes > policy.maxSizeBytes) {
      throw new MeshError('ERR_FILE_TOO_LARGE', 'too large')
    }
    return 'new'
  }

  const take = async (
    signed: SignedStatement,
    source: ContentSource | undefined,
  ): Promise<Uint8Array> => {
    const { content } = signed.statement
    const taken: Uint8Array[] = []
    const digester = createDigester()
    events.emit('asked')
    for await (const piece of source ?? []) {
      events.emit('piece', ++pieces)
      digester.update(piece)
      taken.push(piece)
    }
    if (content !== 'deleted' && digester.digest() !== content.digest) {
      throw new MeshError('ERR_FILE_CONTENT_MISMATCH', 'another digest')
    }
    return Buffer.concat(taken)
  }

  const view = (name: FileName): FileView | undefined => {
    const policy = policyOf(name)
    const winner = held.get(name)?.[0]?.record
    if (policy === undefined) return undefined
    const base = { name, policy, conflict: false }
    if (winner === undefined) return { ...base, state: 'none' }
    if (winner.signed.statement.content === 'deleted') return { ...base, state: 'deleted', winner }
    if (lost.has(name)) return { ...base, state: 'missing', winner }
    return { ...base, state: 'shown', winner, shownAtMs: 1_700_000_000_000 }
  }

  const accept: Files['accept'] = async (signed, source, from) => {
    if (failure !== undefined) {
      const error = failure
      failure = undefined
      throw error
    }
    const record = { id: recordId(signed), signed }
    try {
      if (judge(signed, from) === 'known') {
        return { outcome: 'known', record, wins: true, contentMissing: false }
      }
      const { name } = signed.statement
      if (source !== undefined && 'path' in source) throw new Error('nobody uploads assemblies')
      const bytes = await take(signed, source)
      held.set(name, [{ record, bytes }, ...(held.get(name) ?? [])])
      return { outcome: 'stored', record, wins: true, contentMissing: false }
    } catch (error) {
      if (!isMeshError(error)) throw error
      return { outcome: 'refused', error }
    }
  }

  return {
    events,
    async accept(...args) {
      try {
        const verdict = await accept(...args)
        events.emit('accept', verdict)
        return verdict
      } catch (error) {
        events.emit('accept', error instanceof Error ? error : new Error(String(error)))
        throw error
      }
    },
    view,
    *list() {
      for (const { name } of policies) {
        const found = view(parseFileName(name))
        if (found !== undefined) yield found
      }
    },
    counts: () => ({
      ...{ shown: policies.length, missing: 0, 'too-large': 0, 'too-old': 0 },
      ...{ deleted: 0, expired: 0, none: 0 },
    }),
    history: (name) => (held.get(name) ?? []).map(({ record }) => record),
    async open(name) {
      const found = held.get(name)?.[0]
      if (found === undefined || view(name)?.state !== 'shown') return undefined
      const work = opened
      opened = undefined
      await work?.()
      return {
        record: found.record,
        sizeBytes: found.bytes.length,
        async *stream({ start = 0, end = found.bytes.length } = {}) {
          if (held.get(name)?.[0] !== found) {
            throw new MeshError('ERR_FILE_CONTENT_MISSING', `${name} was just replaced`)
          }
          yield found.bytes.subarray(start, end)
        },
      }
    },
    explain: (name) => ({
      refusals: [],
      setAside: [],
      ...(policyOf(name) === undefined ? {} : { selector: name }),
    }),
    holdsContent: async ({ signed }) => signed.statement.content !== 'deleted',
    async openVersion(name, statement) {
      const found = held.get(name)?.find(({ record }) => record.signed.id === statement)
      if (found === undefined) return undefined
      return {
        record: found.record,
        sizeBytes: found.bytes.length,
        async *stream({ start = 0, end = found.bytes.length } = {}) {
          yield found.bytes.subarray(start, end)
        },
      }
    },
    piecesRead: () => pieces,
    failNext(error) {
      failure = error
    },
    afterOpen(work) {
      opened = work
    },
    lose: (name) => void lost.add(name),
  }
}
