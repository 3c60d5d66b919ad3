import { createHash, timingSafeEqual } from 'node:crypto'
import { MeshError } from '../errors/index.ts'
import { MAX_TOKENS, MAX_TOKEN_CHARACTERS, MIN_TOKEN_CHARACTERS } from './limits.ts'

/** What is kept of a bearer token. */
export type TokenDigest = Buffer

const digestOf = (token: string): TokenDigest => createHash('sha256').update(token).digest()

/** As RFC 6750 has it: `token68`. */
const FORM = /^[A-Za-z0-9._~+/-]+=*$/

/**
 * The tokens of a file, one a line; empty lines and those that begin with `#` are left out.
 *
 * @throws MeshError `ERR_TOKEN_MALFORMED`, which never quotes the line
 */
export const parseTokens = (text: string): readonly TokenDigest[] => {
  const malformed = (why: string): MeshError => new MeshError('ERR_TOKEN_MALFORMED', why)
  const tokens: TokenDigest[] = []
  for (const [index, each] of text.split('\n').entries()) {
    const line = each.trim()
    if (line === '' || line.startsWith('#')) continue
    const at = `line ${index + 1}`
    if (!FORM.test(line)) throw malformed(`${at} is not a token: letters, digits and ._~+/-= only`)
    if (line.length < MIN_TOKEN_CHARACTERS || line.length > MAX_TOKEN_CHARACTERS) {
      const most = `${MIN_TOKEN_CHARACTERS} to ${MAX_TOKEN_CHARACTERS} characters`
      throw malformed(`${at}: a token has ${most}; make one with "openssl rand -hex 32"`)
    }
    if (tokens.length === MAX_TOKENS) throw malformed(`there are more than ${MAX_TOKENS} tokens`)
    tokens.push(digestOf(line))
  }
  if (tokens.length === 0) throw malformed('there is no token in it; write one a line')
  return tokens
}

/**
 * Whether an `Authorization` field has one of these tokens; `undefined`: it has none at all. Takes as
 * long whichever it is, and wherever it differs.
 */
export const hasToken = (
  field: string | undefined,
  tokens: readonly TokenDigest[],
): boolean | undefined => {
  const token = /^Bearer +(.*)$/i.exec(field ?? '')?.[1]
  if (token === undefined) return undefined
  const digest = digestOf(token)
  let found = false
  for (const each of tokens) found = timingSafeEqual(digest, each) || found
  return found
}
