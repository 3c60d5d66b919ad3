import { isMeshError, MeshError } from '../../errors/index.ts'
import { decodeSignedStatement, encodeSignedStatement } from '../../statement/index.ts'
import { parseFileName, recordId, verifySigned } from '../../statement/index.ts'
import { createCompactSelection, SELECTION_SALT_BYTES } from './compact-selection.ts'
import { ownerOfContent } from './shelf.ts'
import type { ErrorCode } from '../../errors/index.ts'
import type { FileRecord, Files, FileView, Origin, Verdict } from '../../files/index.ts'
import type { FileName, NetworkId, SignedStatement } from '../../statement/index.ts'
import type { Digest, Random } from '../../util/index.ts'
import type { Acceptance, Accept, Collection, ContentRef, Item } from '../collection.ts'
import type { MissingContent } from '../collection.ts'
import type { Shelf } from './shelf.ts'

/** Honest nodes check these before they pass anything on. */
const FAULTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_PROTOCOL_MALFORMED',
  'ERR_SIGNATURE_INVALID',
  'ERR_STATEMENT_MALFORMED',
])

/** Another node may well be configured to take this. */
const POLICY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_FILE_NOT_CONFIGURED',
  'ERR_FILE_SIGNER_NOT_ALLOWED',
  'ERR_FILE_THRESHOLD',
  'ERR_FILE_CERTIFICATE',
  'ERR_FILE_TOO_MANY',
])

const whyOf = ({ code }: MeshError): Extract<Acceptance, { outcome: 'refused' }>['why'] => {
  if (FAULTS.has(code)) return 'fault'
  if (POLICY.has(code)) return 'policy'
  return code === 'ERR_FILE_CONTENT_MISMATCH' ? 'content' : 'other'
}

const acceptanceOf = (verdict: Verdict): Acceptance =>
  verdict.outcome === 'refused'
    ? { outcome: 'refused', error: verdict.error, why: whyOf(verdict.error) }
    : { outcome: verdict.outcome }

const contentOf = ({ statement }: SignedStatement): ContentRef | undefined =>
  statement.content === 'deleted' ? undefined : statement.content

const itemOf = ({ id, signed }: FileRecord): Item => {
  const content = contentOf(signed)
  return {
    id,
    name: signed.statement.name,
    rank: signed.statement.version,
    bytes: encodeSignedStatement(signed),
    ...(content === undefined ? {} : { content }),
  }
}

const peerOf = (origin: Origin) => (origin.kind === 'peer' ? origin.peer : undefined)

/** A name that may come from a peer. */
const nameOf = (text: string): FileName | undefined => {
  try {
    return parseFileName(text)
  } catch {
    return undefined
  }
}

const read = (bytes: Uint8Array): SignedStatement => {
  try {
    return decodeSignedStatement(bytes)
  } catch (error) {
    // A newer node may well know more kinds: no fault of its.
    if (!isMeshError(error) || error.code === 'ERR_SIGNATURE_UNSUPPORTED') throw error
    throw new MeshError('ERR_PROTOCOL_MALFORMED', `a malformed record: ${error.message}`, {
      cause: error,
    })
  }
}

/** The file catalogue as a collection: every kept statement is an item, its file the content. */
export const createFilesCollection = (
  files: Files,
  init: { network: NetworkId; random: Random; shelf?: Pick<Shelf, 'fits' | 'holds' | 'subscribe'> },
): Collection => {
  const salt = init.random.bytes(SELECTION_SALT_BYTES)

  const acceptOf =
    (signed: SignedStatement): Accept =>
    async (content, peer, options) =>
      acceptanceOf(await files.accept(signed, content, { kind: 'peer', peer }, options))

  const missingOf = (view: FileView | undefined): MissingContent | undefined => {
    if (view?.state !== 'missing' || view.winner === undefined) return undefined
    const { signed } = view.winner
    const content = contentOf(signed)
    if (content === undefined) return undefined
    const { name, policy } = view
    const { blocks: list } = signed.statement
    const missing = { name, content, accept: acceptOf(signed) }
    if (list === 'none' || init.shelf === undefined) return missing
    // Fetched again, it would be the same again.
    if (!init.shelf.fits({ list, ...content })) return undefined
    const owner = ownerOfContent(name, content.digest)
    return { ...missing, assembly: { list, owner, mode: policy.mode } }
  }

  const view = (name: string): FileView | undefined => {
    const known = nameOf(name)
    return known === undefined ? undefined : files.view(known)
  }

  const movesWhole = (name: FileName, digest: Digest): boolean => {
    const found = files.view(name)
    return [found?.winner, found?.shownMeanwhile].some((record) => {
      if (record === undefined || contentOf(record.signed)?.digest !== digest) return false
      return record.signed.statement.blocks === 'none'
    })
  }

  return {
    name: 'files',
    selectors: () => files.selectors(),
    wants(name) {
      const known = nameOf(name)
      return known !== undefined && files.wants(known)
    },
    createSelection: () => createCompactSelection(salt),
    tree: files.tree,
    nameOf: (id) => files.nameOf(id),
    has: (id) => files.has(id),

    get(id) {
      const record = files.record(id)
      return record === undefined ? undefined : itemOf(record)
    },

    parse(bytes) {
      const signed = read(bytes)
      return {
        ...itemOf({ id: recordId(signed), signed }),
        relayable: signed.statement.network === init.network,
        verify: () => verifySigned(signed),
        accept: acceptOf(signed),
      }
    },

    holds({ name, content }) {
      const found = view(name)
      const winner = found?.winner
      if (found?.state !== 'shown' || winner === undefined) return false
      return content !== undefined && contentOf(winner.signed)?.digest === content.digest
    },

    missing(name) {
      const views = name === undefined ? [...files.list({ state: 'missing' })] : [view(name)]
      return views.flatMap((each) => missingOf(each) ?? [])
    },

    async open(name, digest, signal) {
      const known = nameOf(name)
      // What has blocks moves by blocks: there is one way for each content.
      if (known === undefined || !movesWhole(known, digest)) return undefined
      const open = await files.open(known, { digest, signal })
      if (open === undefined) return undefined
      return {
        sizeBytes: open.sizeBytes,
        stream: ({ start, signal }) => open.stream({ start, signal }),
      }
    },

    async blocksOf(name, digest, list) {
      const known = nameOf(name)
      if (known === undefined) return undefined
      const isServed = (signed: SignedStatement | undefined): boolean =>
        signed !== undefined &&
        signed.statement.blocks === list &&
        contentOf(signed)?.digest === digest
      const found = files.view(known)
      const shown = found?.state === 'shown' ? found.winner : found?.shownMeanwhile
      if (!isServed(shown?.signed)) return undefined
      if ((await init.shelf?.holds(known, digest)) !== true) return undefined
      return ownerOfContent(known, digest)
    },

    subscribe(listener) {
      const { events } = files
      const onRecord = (event: { record: FileRecord; from: Origin }): void =>
        listener.stored(itemOf(event.record), peerOf(event.from))
      const onContent = (event: { record: FileRecord; from: Origin }): void =>
        listener.completed(itemOf(event.record), peerOf(event.from))
      const onChange = (event: { name: FileName }): void => listener.changed(event.name)
      const end = init.shelf?.subscribe((name) => listener.changed(name))
      events.on('record', onRecord).on('content', onContent).on('change', onChange)
      return () => {
        end?.()
        events.off('record', onRecord).off('content', onContent).off('change', onChange)
      }
    },
  }
}
