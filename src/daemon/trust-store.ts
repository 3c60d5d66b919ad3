import { isMeshError, MeshError } from '../errors/index.ts'
import { MAX_CERTIFICATE_BYTES } from '../keys/index.ts'
import { decodeSignedStatement, encodeSignedStatement } from '../statement/index.ts'
import { MAX_SIGNED_STATEMENT_BYTES } from '../statement/index.ts'
import { table } from '../store/index.ts'
import { MAX_CERTIFICATES_FILE_BYTES } from '../trust/index.ts'
import { ByteReader, ByteWriter, utf8 } from '../util/index.ts'
import type { Logger } from '../observe/index.ts'
import type { FileName, SignedStatement } from '../statement/index.ts'
import type { Store } from '../store/index.ts'

/** Key: a file name, or {@link OWN}. Value: version byte, then what the two codecs below write. */
const TRUST = table('trust')
const VERSION = 1
const OWN = utf8('own-certificate')

/** One of the network's own files as it was last here, whole. */
export interface KeptFile {
  readonly signed: SignedStatement
  readonly content: Uint8Array
}

export const encodeKeptFile = ({ signed, content }: KeptFile): Uint8Array =>
  new ByteWriter(content.length + 1024)
    .u8(VERSION)
    .bytes(encodeSignedStatement(signed))
    .bytes(content)
    .finish()

const begin = (bytes: Uint8Array): ByteReader => {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version === VERSION) return reader
  throw new MeshError('ERR_PROTOCOL_MALFORMED', `a kept trust record of version ${version}`)
}

/** @throws MeshError */
export const decodeKeptFile = (bytes: Uint8Array): KeptFile => {
  const reader = begin(bytes)
  const signed = decodeSignedStatement(reader.bytes(MAX_SIGNED_STATEMENT_BYTES))
  const content = Uint8Array.from(reader.bytes(MAX_CERTIFICATES_FILE_BYTES))
  reader.end()
  return { signed, content }
}

/** What must outlive the files: the last revocations that were here, and our own certificate. */
export interface TrustStore {
  file(name: FileName): KeptFile | undefined
  keepFile(name: FileName, kept: KeptFile | undefined): Promise<void>
  own(): string | undefined
  keepOwn(certificate: string): Promise<void>
}

export const createTrustStore = ({
  store,
  logger,
}: {
  store: Store
  logger: Logger
}): TrustStore => {
  const read = <T>(key: Uint8Array, decode: (bytes: Uint8Array) => T): T | undefined => {
    const bytes = store.get(TRUST, key)
    if (bytes === undefined) return undefined
    try {
      return decode(bytes)
    } catch (error) {
      if (!isMeshError(error)) throw error
      logger.warn({ error }, 'a kept trust record cannot be read; it is left out')
      return undefined
    }
  }
  const put = (key: Uint8Array, value: Uint8Array | undefined): Promise<void> =>
    store.transaction((tx) => {
      if (value === undefined) tx.remove(TRUST, key)
      else tx.put(TRUST, key, value)
    })
  return {
    file: (name) => read(utf8(name), decodeKeptFile),
    keepFile: (name, kept) =>
      put(utf8(name), kept === undefined ? undefined : encodeKeptFile(kept)),
    own: () => read(OWN, (bytes) => begin(bytes).text(MAX_CERTIFICATE_BYTES)),
    keepOwn: (text) => put(OWN, new ByteWriter().u8(VERSION).text(text).finish()),
  }
}
