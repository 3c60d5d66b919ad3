import { MeshError } from '../errors/index.ts'
import { fromHex, toHex } from '../util/index.ts'
import type { Random } from '../util/index.ts'

export const PSK_BYTES = 32
/** Most pre-shared keys of a node. Each one costs a trial decryption for every stranger. */
export const MAX_PSKS = 8

const HEAD = ['/key/swarm/psk/1.0.0/', '/base16/']

const malformed = (why: string): MeshError =>
  new MeshError(
    'ERR_PSK_MALFORMED',
    `not a pre-shared key: ${why}; "mesh generate psk" makes a file of three lines`,
  )

/** A new pre-shared key in libp2p's swarm key format, version 1. */
export const generatePsk = (random: Random): string =>
  `${[...HEAD, toHex(random.bytes(PSK_BYTES))].join('\n')}\n`

/**
 * The 32 bytes of a swarm key. CRLF and a missing last line end are taken: other tools write them.
 *
 * @throws MeshError `ERR_PSK_MALFORMED`; it does not quote the key.
 */
export const parsePsk = (text: string): Uint8Array => {
  // Three good lines have less than 100 characters; the rest of a huge file is not split.
  const lines = text.slice(0, 256).split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  for (const [index, wanted] of HEAD.entries()) {
    if (lines[index] !== wanted) throw malformed(`line ${index + 1} is not "${wanted}"`)
  }
  const bytes = fromHex(lines[HEAD.length] ?? '')
  if (bytes?.length !== PSK_BYTES) {
    throw malformed(`line 3 is not ${2 * PSK_BYTES} lower-case hex digits`)
  }
  if (lines.length > HEAD.length + 1) throw malformed('it has more lines')
  return bytes
}
