import { ByteReader, ByteWriter } from '../../util/index.ts'
import { malformed, readCollection, readDigest, readName } from '../wire.ts'
import { writeCollection, writeDigest } from '../wire.ts'
import type { Digest } from '../../util/index.ts'

/** The one frame that the fetching side sends. */
export interface ContentRequest {
  readonly collection: string
  readonly name: string
  readonly digest: Digest
  /** First byte wanted. */
  readonly offset: number
}

/** The first frame of the answer; after `found` come the bytes from the offset on, and the end. */
export type ContentAnswer =
  | { readonly type: 'found'; readonly sizeBytes: number }
  | { readonly type: 'missing' }
  | { readonly type: 'busy' }

const REQUEST = 1
const FOUND = 2
const MISSING = 3
const BUSY = 4

export const encodeRequest = (request: ContentRequest): Uint8Array => {
  const writer = new ByteWriter().u8(REQUEST)
  writeCollection(writer, request.collection)
  writeDigest(writer.text(request.name), request.digest)
  return writer.u53(request.offset).finish()
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodeRequest = (frame: Uint8Array): ContentRequest => {
  const reader = new ByteReader(frame)
  if (reader.u8() !== REQUEST) throw malformed('a request was expected')
  const request = {
    collection: readCollection(reader),
    name: readName(reader),
    digest: readDigest(reader),
    offset: reader.u53(),
  }
  reader.end()
  return request
}

export const encodeAnswer = (answer: ContentAnswer): Uint8Array => {
  const writer = new ByteWriter(16)
  if (answer.type === 'found') return writer.u8(FOUND).u53(answer.sizeBytes).finish()
  return writer.u8(answer.type === 'missing' ? MISSING : BUSY).finish()
}

/** @throws MeshError `ERR_PROTOCOL_MALFORMED` */
export const decodeAnswer = (frame: Uint8Array): ContentAnswer => {
  const reader = new ByteReader(frame)
  const type = reader.u8()
  if (type !== FOUND && type !== MISSING && type !== BUSY) throw malformed('an answer was expected')
  const sizeBytes = type === FOUND ? reader.u53() : 0
  reader.end()
  if (type === FOUND) return { type: 'found', sizeBytes }
  return { type: type === MISSING ? 'missing' : 'busy' }
}
