import { readSecretFile } from '../config/index.ts'
import { MeshError } from '../errors/index.ts'
import { parseTokens } from '../http/index.ts'
import type { Config } from '../config/index.ts'
import type { TokenDigest } from '../http/index.ts'

/**
 * The bearer tokens that the configuration names.
 *
 * @throws MeshError `ERR_TOKEN_MALFORMED`, `ERR_KEY_INSECURE`, `ERR_KEY_UNREADABLE`
 */
export const readTokens = async ({
  tokenPath,
}: Pick<Config['http'], 'tokenPath'>): Promise<readonly TokenDigest[]> => {
  if (tokenPath === undefined) return []
  const text = await readSecretFile(tokenPath)
  try {
    return parseTokens(text)
  } catch (cause) {
    if (!(cause instanceof MeshError)) throw cause
    const message = `${tokenPath}: ${cause.message}`
    throw new MeshError(cause.code, message, { data: { path: tokenPath }, cause })
  }
}
