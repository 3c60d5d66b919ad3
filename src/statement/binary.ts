import { isMeshError, MeshError } from '../errors/index.ts'
import {
  MAX_CERTIFICATE_BYTES,
  PUBLIC_KEY_BYTES,
  publicKeyFromBytes,
  publicKeyToBytes,
} from '../keys/index.ts'
import { SIGNATURE_BYTES } from '../keys/index.ts'
import { ByteReader, ByteWriter } from '../util/index.ts'
import { createSignedStatement, MAX_SIGNATURES } from './signed.ts'
import { MAX_STATEMENT_BYTES } from './text.ts'
import type { SignatureEntry, SignedStatement } from './types.ts'

const FORMAT_VERSION = 1

/** Type byte of a signature entry. */
const ENTRY_ED25519 = 1
/** Set aside for `sk-ssh-ed25519@openssh.com`; refused by name until it is supported. */
const ENTRY_SK_ED25519 = 2

/** Largest encoded signed statement: bounds frames, headers and stored values. */
export const MAX_SIGNED_STATEMENT_BYTES =
  1 +
  4 +
  MAX_STATEMENT_BYTES +
  4 +
  MAX_SIGNATURES * (1 + PUBLIC_KEY_BYTES + SIGNATURE_BYTES) +
  4 +
  MAX_CERTIFICATE_BYTES

const malformed = (why: string): MeshError =>
  new MeshError('ERR_STATEMENT_MALFORMED', `malformed signed statement: ${why}`)

/** As stored and sent: version byte, text, signature entries sorted by key, certificate or nothing. */
export const encodeSignedStatement = ({
  text,
  signatures,
  certificate,
}: SignedStatement): Uint8Array =>
  new ByteWriter(512)
    .u8(FORMAT_VERSION)
    .text(text)
    .list(signatures, (writer, { key, signature }) => {
      writer.u8(ENTRY_ED25519).fixed(publicKeyToBytes(key)).fixed(signature)
    })
    .text(certificate?.text ?? '')
    .finish()

const readEntry = (reader: ByteReader): SignatureEntry => {
  const type = reader.u8()
  if (type === ENTRY_SK_ED25519) {
    const what = 'signatures by security tokens (sk-ssh-ed25519) are not supported yet'
    throw new MeshError('ERR_SIGNATURE_UNSUPPORTED', `${what}; sign with an ssh-ed25519 key`)
  }
  if (type !== ENTRY_ED25519) throw malformed(`unknown signature type ${type}`)
  const key = publicKeyFromBytes(reader.fixed(PUBLIC_KEY_BYTES))
  // Copied: the message it is a view of may be reused or be much larger.
  return { key, signature: Uint8Array.from(reader.fixed(SIGNATURE_BYTES)) }
}

const read = (bytes: Uint8Array): SignedStatement => {
  const reader = new ByteReader(bytes)
  const version = reader.u8()
  if (version !== FORMAT_VERSION) {
    throw malformed(`format version ${version}, known is ${FORMAT_VERSION}`)
  }
  const text = reader.text(MAX_STATEMENT_BYTES)
  const entries = reader.list(MAX_SIGNATURES, readEntry)
  const certificate = reader.text(MAX_CERTIFICATE_BYTES)
  reader.end()
  for (const [index, { key }] of entries.entries()) {
    const before = entries[index - 1]?.key
    if (before !== undefined && before >= key) throw malformed('signatures are not sorted by key')
  }
  return createSignedStatement(text, entries, certificate === '' ? undefined : certificate)
}

/**
 * Reads {@link encodeSignedStatement}'s bytes, and only exactly those.
 *
 * @throws MeshError `ERR_STATEMENT_MALFORMED`, `ERR_SIGNATURE_UNSUPPORTED`, `ERR_KEY_MALFORMED`, `ERR_KEY_WEAK`
 */
export const decodeSignedStatement = (bytes: Uint8Array): SignedStatement => {
  try {
    return read(bytes)
  } catch (error) {
    if (!isMeshError(error, 'ERR_PROTOCOL_MALFORMED')) throw error
    throw new MeshError('ERR_STATEMENT_MALFORMED', error.message, { cause: error })
  }
}
