import { CERTIFICATE_HEADER, MAX_STATEMENT_HEADERS_BYTES } from '../api/index.ts'
import { SIGNATURE_HEADER, STATEMENT_HEADER } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import { decodeSshsig, encodeSshsig } from '../keys/index.ts'
import { createSignedStatement, STATEMENT_NAMESPACE } from '../statement/index.ts'
import { fromBase64, fromUtf8, toBase64, utf8 } from '../util/index.ts'
import type { IncomingMessage } from 'node:http'
import type { SignatureEntry, SignedStatement } from '../statement/index.ts'

const malformed = (why: string): MeshError => new MeshError('ERR_REQUEST_MALFORMED', why)

const decode = (header: string, value: string): Uint8Array => {
  const bytes = fromBase64(value)
  if (bytes === undefined || bytes.length === 0) {
    throw malformed(`${header} is not padded standard base64`)
  }
  return bytes
}

const parseSignature = (value: string): SignatureEntry => {
  const { key, namespace, signature } = decodeSshsig(decode(SIGNATURE_HEADER, value))
  if (namespace !== STATEMENT_NAMESPACE) {
    throw new MeshError(
      'ERR_SSHSIG_MALFORMED',
      `the signature is for the namespace ${JSON.stringify(namespace)}; sign with ` +
        `ssh-keygen -Y sign -n ${STATEMENT_NAMESPACE}`,
    )
  }
  return { key, signature }
}

/**
 * The signed statement in the header fields of an upload; its signatures are not verified yet.
 *
 * @throws MeshError `ERR_REQUEST_MALFORMED`, `ERR_REQUEST_TOO_LARGE`, `ERR_SSHSIG_MALFORMED`,
 * `ERR_KEY_*`, `ERR_STATEMENT_MALFORMED`, `ERR_FILE_NAME_INVALID`
 */
export const readStatementHeaders = ({
  headersDistinct,
}: Pick<IncomingMessage, 'headersDistinct'>): SignedStatement => {
  const statements = headersDistinct[STATEMENT_HEADER.toLowerCase()] ?? []
  const fields = headersDistinct[SIGNATURE_HEADER.toLowerCase()] ?? []
  const certificates = headersDistinct[CERTIFICATE_HEADER.toLowerCase()] ?? []
  const all = [...statements, ...fields, ...certificates]
  const lengthBytes = all.reduce((sum, value) => sum + value.length, 0)
  if (lengthBytes > MAX_STATEMENT_HEADERS_BYTES) {
    throw new MeshError(
      'ERR_REQUEST_TOO_LARGE',
      `${STATEMENT_HEADER}, ${SIGNATURE_HEADER} and ${CERTIFICATE_HEADER} have ${lengthBytes} bytes; ` +
        `at most ${MAX_STATEMENT_HEADERS_BYTES} are read`,
    )
  }
  const [statement] = statements
  if (statement === undefined || statements.length > 1) {
    throw malformed(`exactly one ${STATEMENT_HEADER} field is needed: base64 of the statement text`)
  }
  const signatures = fields.flatMap((value) => value.split(',').map((part) => part.trim()))
  if (signatures.length === 0) {
    throw malformed(`${SIGNATURE_HEADER} is missing: base64 of an SSH signature of the statement`)
  }
  const text = fromUtf8(decode(STATEMENT_HEADER, statement))
  if (text === undefined) throw malformed(`${STATEMENT_HEADER} is not text`)
  if (certificates.length > 1) throw malformed(`${CERTIFICATE_HEADER} may be there once`)
  const [certificate] = certificates.map(
    (value) => fromUtf8(decode(CERTIFICATE_HEADER, value)) ?? '',
  )
  return createSignedStatement(text, signatures.map(parseSignature), certificate)
}

/** The same fields, for an answer. */
export const statementHeaders = ({
  text,
  signatures,
  certificate,
}: SignedStatement): Readonly<Record<string, string>> => ({
  [STATEMENT_HEADER]: toBase64(utf8(text)),
  [SIGNATURE_HEADER]: signatures
    .map((entry) => toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })))
    .join(', '),
  ...(certificate === undefined ? {} : { [CERTIFICATE_HEADER]: toBase64(utf8(certificate.text)) }),
})
