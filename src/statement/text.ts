import { MeshError } from '../errors/index.ts'
import { formatTimestamp, parseDigest, parseTimestamp } from '../util/index.ts'
import { parseFileName } from './file-name.ts'
import { parseNetworkId } from './network-id.ts'
import { show } from './show.ts'
import type { Digest, Timestamp } from '../util/index.ts'
import type { Statement } from './types.ts'

/** Longest statement text. Stops a text from being read that cannot be one. */
export const MAX_STATEMENT_BYTES = 2 * 2 ** 10
/** Largest content that a statement can name. */
export const MAX_CONTENT_BYTES = 64 * 2 ** 30

/** Largest time that a Date takes. */
const MAX_DATE_MS = 8.64e15

const KIND = 'mesh-file 1'
const FIELDS = ['network', 'name', 'version', 'time', 'expires', 'replaces', 'content', 'blocks']

const malformed = (why: string): MeshError =>
  new MeshError('ERR_STATEMENT_MALFORMED', `malformed statement: ${why}`)

/** The error for one line: which one, what it says, what it may say. */
const badField = (field: string, value: string, wanted: string): MeshError => {
  const line = FIELDS.indexOf(field) + 2
  return new MeshError(
    'ERR_STATEMENT_MALFORMED',
    `malformed statement: line ${line} "${field}" is ${show(value)}; expected ${wanted}`,
    { data: { field, line } },
  )
}

const parseInteger = (text: string): number | undefined => {
  const value = /^(?:0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : undefined
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined
}

const TIME_FORM = 'a time as 2026-01-31T12:00:00.000Z'
const DIGEST_FORM = 'sha256: and 64 lower-case hex digits'

const decodeTime = (field: string, value: string): Timestamp => {
  const time = parseTimestamp(value)
  if (time === undefined) throw badField(field, value, TIME_FORM)
  return time
}

const digestOf = (value: string): Digest | undefined =>
  value.startsWith('sha256:') ? parseDigest(value.slice('sha256:'.length)) : undefined

const decodeDigest = (field: string, value: string): Digest | 'none' => {
  const digest = value === 'none' ? value : digestOf(value)
  if (digest === undefined) throw badField(field, value, `${DIGEST_FORM}, or "none"`)
  return digest
}

const decodeContent = (value: string): Statement['content'] => {
  if (value === 'deleted') return value
  const wanted = `${DIGEST_FORM}, a space and the size in bytes, or "deleted"`
  const [first = '', size = '', ...rest] = value.split(' ')
  const digest = digestOf(first)
  const sizeBytes = parseInteger(size)
  if (digest === undefined || sizeBytes === undefined || rest.length > 0) {
    throw badField('content', value, wanted)
  }
  if (sizeBytes > MAX_CONTENT_BYTES) {
    throw badField('content', value, `a size of at most ${MAX_CONTENT_BYTES} bytes`)
  }
  return { digest, sizeBytes }
}

const decodeVersion = (value: string): number => {
  const version = parseInteger(value)
  if (version === undefined || version < 1) {
    throw badField('version', value, `a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`)
  }
  return version
}

/** Gives an error from another parser the name of the line it happened on. */
const within = <T>(field: string, value: string, parse: (value: string) => T): T => {
  try {
    return parse(value)
  } catch (error) {
    if (!(error instanceof MeshError)) throw error
    const line = FIELDS.indexOf(field) + 2
    throw new MeshError(
      'ERR_STATEMENT_MALFORMED',
      `malformed statement: line ${line} "${field}": ${error.message}`,
      { data: { field, line }, cause: error },
    )
  }
}

const checkTombstone = ({ content, expires, blocks }: Statement): void => {
  if (content !== 'deleted') return
  if (expires !== 'never') throw malformed('a statement that deletes has "expires never"')
  if (blocks !== 'none') throw malformed('a statement that deletes has "blocks none"')
}

const encodeContent = (content: Statement['content']): string =>
  content === 'deleted' ? content : `sha256:${content.digest} ${content.sizeBytes}`

const encodeDigest = (digest: Digest | 'none'): string =>
  digest === 'none' ? digest : `sha256:${digest}`

/** Years outside 0000 to 9999 have no spelling; what stands for them decodes to nothing. */
const encodeTime = (time: Timestamp): string =>
  Math.abs(time) <= MAX_DATE_MS ? formatTimestamp(time) : 'invalid'

const write = (statement: Statement): string =>
  `${KIND}\n` +
  `network ${statement.network}\n` +
  `name ${statement.name}\n` +
  `version ${statement.version}\n` +
  `time ${encodeTime(statement.time)}\n` +
  `expires ${statement.expires === 'never' ? 'never' : encodeTime(statement.expires)}\n` +
  `replaces ${encodeDigest(statement.replaces)}\n` +
  `content ${encodeContent(statement.content)}\n` +
  `blocks ${encodeDigest(statement.blocks)}\n`

/** With characters of its own: V8 keeps the whole text for each slice of it that is longer than 12. */
const flat = (text: string): string => Buffer.from(text).toString()

/** The values of the eight lines after the first, by position. */
const split = (text: string): string[] => {
  if (text.length > MAX_STATEMENT_BYTES) throw malformed(`longer than ${MAX_STATEMENT_BYTES} bytes`)
  if (!text.startsWith(`${KIND}\n`)) {
    const first = text.split('\n', 1)[0] ?? ''
    throw malformed(`line 1 is ${show(first)}; expected "${KIND}"`)
  }
  if (!text.endsWith('\n')) throw malformed('the last line has no line feed')
  const lines = text.slice(KIND.length + 1, -1).split('\n')
  const values = FIELDS.map((field, index) => {
    const line = lines[index]
    if (line === undefined) throw malformed(`line ${index + 2} "${field}" is missing`)
    if (!line.startsWith(`${field} `)) {
      throw malformed(`line ${index + 2} is ${show(line)}; expected "${field}", a space, a value`)
    }
    return flat(line.slice(field.length + 1))
  })
  if (lines.length > FIELDS.length) {
    throw malformed(`more than ${FIELDS.length + 1} lines: ${show(lines[FIELDS.length] ?? '')}`)
  }
  return values
}

/**
 * The statement that exactly this text encodes.
 *
 * @throws MeshError `ERR_STATEMENT_MALFORMED`, naming the line.
 */
export const decodeStatement = (text: string): Statement => {
  const [
    network = '',
    name = '',
    version = '',
    time = '',
    expires = '',
    replaces = '',
    content = '',
    blocks = '',
  ] = split(text)
  const statement: Statement = {
    network: within('network', network, parseNetworkId),
    name: within('name', name, parseFileName),
    version: decodeVersion(version),
    time: decodeTime('time', time),
    expires: expires === 'never' ? expires : decodeTime('expires', expires),
    replaces: decodeDigest('replaces', replaces),
    content: decodeContent(content),
    blocks: decodeDigest('blocks', blocks),
  }
  checkTombstone(statement)
  // Each parser takes one spelling only; this holds them to it together.
  if (write(statement) !== text) throw malformed('it is not in the one canonical spelling')
  return statement
}

/**
 * The canonical text of a statement.
 *
 * @throws MeshError `ERR_STATEMENT_MALFORMED` if a field breaks the rules, so that nothing is signed
 * that nobody would accept.
 */
export const encodeStatement = (statement: Statement): string => {
  const text = write(statement)
  decodeStatement(text)
  return text
}
