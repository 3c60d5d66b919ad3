/** Files whose content only other nodes keep. */
import { ownerOfContent } from './shelf.ts'
import type { Files, OpenFile } from '../../files/index.ts'
import type { FileName } from '../../statement/index.ts'
import type { ReadThrough } from '../blocks/read-through.ts'

/**
 * What may be read through: the winner of a name, if it is too large to be kept here and has a block
 * list. Nothing is asked for before the first byte is read.
 */
export const createElsewhere =
  (files: Pick<Files, 'view'>, read: ReadThrough['stream']) =>
  (name: FileName): OpenFile | undefined => {
    const view = files.view(name)
    if (view?.state !== 'too-large' || view.winner === undefined) return undefined
    const { content, blocks: list } = view.winner.signed.statement
    if (content === 'deleted' || list === 'none') return undefined
    const { digest, sizeBytes } = content
    const owner = ownerOfContent(name, digest)
    const named = { collection: 'files', name, digest, list, sizeBytes, owner }
    return {
      record: view.winner,
      sizeBytes,
      stream: ({ start = 0, end = sizeBytes, signal } = {}) =>
        read(named, { start, end, signal: signal ?? new AbortController().signal }),
    }
  }
