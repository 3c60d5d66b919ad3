import { isMeshError, MeshError } from '../errors/index.ts'
import { parseNetworkId } from '../statement/index.ts'
import { fromUtf8 } from '../util/index.ts'
import type { FileName, NetworkId } from '../statement/index.ts'

/** The error for one of the network's own files: which one, and what is wrong with it. */
export const malformed = (name: FileName, why: string, cause?: unknown): MeshError =>
  new MeshError('ERR_TRUST_MALFORMED', `malformed ${name}: ${why}`, { data: { name }, cause })

/** The error for a file that is about another network than its reader's. */
export const wrongNetwork = (name: FileName, network: string): MeshError =>
  malformed(name, `it is about the network ${network}`)

/** Text of a file of at most `maxBytes`. */
export const readText = (name: FileName, bytes: Uint8Array, maxBytes: number): string => {
  if (bytes.length > maxBytes) throw malformed(name, `it has more than ${maxBytes} bytes`)
  const text = fromUtf8(bytes)
  if (text === undefined) throw malformed(name, 'it is not UTF-8')
  return text
}

/** Reads the two lines that each of these files begins with; answers the network and the rest. */
export const readHead = (
  name: FileName,
  kind: string,
  text: string,
): { readonly network: NetworkId; readonly rest: string } => {
  const first = `${kind}\n`
  if (!text.startsWith(first)) throw malformed(name, `line 1 is not "${kind}"`)
  const end = text.indexOf('\n', first.length)
  const [, id] = /^network (.+)$/.exec(text.slice(first.length, Math.max(end, 0))) ?? []
  if (id === undefined) throw malformed(name, 'line 2 is not "network", a space and a network id')
  try {
    return { network: parseNetworkId(id), rest: text.slice(end + 1) }
  } catch (error) {
    if (!isMeshError(error)) throw error
    throw malformed(name, `line 2: ${error.message}`, error)
  }
}

/** The two lines themselves. */
export const writeHead = (kind: string, network: NetworkId): string =>
  `${kind}\nnetwork ${network}\n`
