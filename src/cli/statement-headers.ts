import { CERTIFICATE_HEADER, SIGNATURE_HEADER, STATEMENT_HEADER } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import { decodeSshsig, encodeSshsig } from '../keys/index.ts'
import {
  createSignedStatement,
  entryFromSshSignature,
  entryToSshSignature,
} from '../statement/index.ts'
import { fromBase64, fromUtf8, toBase64, utf8 } from '../util/index.ts'
import type { StatementHeaders } from '../client/index.ts'
import type { SignedStatement } from '../statement/index.ts'

/** A signed statement as an upload carries it. */
export const toHeaders = ({
  text,
  signatures,
  certificate,
}: SignedStatement): StatementHeaders => ({
  statement: toBase64(utf8(text)),
  signatures: signatures.map((entry) => toBase64(encodeSshsig(entryToSshSignature(entry)))),
  ...(certificate === undefined ? {} : { certificate: toBase64(utf8(certificate.text)) }),
})

const decode = (name: string, value: string): Uint8Array => {
  const bytes = fromBase64(value)
  if (bytes === undefined || bytes.length === 0) {
    throw new MeshError('ERR_RESPONSE_MALFORMED', `the daemon's ${name} field is not base64`)
  }
  return bytes
}

/**
 * The signed statement that an answer carries; its signatures are not verified here.
 *
 * @throws MeshError
 */
export const fromHeaders = ({
  statement,
  signatures,
  certificate,
}: StatementHeaders): SignedStatement => {
  const text = fromUtf8(decode(STATEMENT_HEADER, statement))
  if (text === undefined) {
    throw new MeshError('ERR_RESPONSE_MALFORMED', "the daemon's statement is not UTF-8")
  }
  const entries = signatures.map((each) =>
    entryFromSshSignature(decodeSshsig(decode(SIGNATURE_HEADER, each))),
  )
  return createSignedStatement(
    text,
    entries,
    certificate === undefined ? undefined : fromUtf8(decode(CERTIFICATE_HEADER, certificate)),
  )
}

/**
 * Arguments for curl on one line. They hold no space but those between them and nothing that a shell
 * would touch, so that they can be put in by `$(…)` without quotes.
 */
export const toCurlArguments = (signed: SignedStatement): string => {
  const { statement, signatures, certificate } = toHeaders(signed)
  const fields = [
    `${STATEMENT_HEADER}:${statement}`,
    ...signatures.map((each) => `${SIGNATURE_HEADER}:${each}`),
    ...(certificate === undefined ? [] : [`${CERTIFICATE_HEADER}:${certificate}`]),
  ]
  return fields.map((field) => `-H ${field}`).join(' ')
}
