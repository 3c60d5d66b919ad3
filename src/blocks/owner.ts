import { MeshError } from '../errors/index.ts'
import { MAX_OWNER_BYTES } from './limits.ts'
import type { Owner } from './types.ts'

const OWNER = /^[a-z]+ [!-~](?:[ -~]*[!-~])?$/

export const isOwner = (text: string): text is Owner =>
  text.length <= MAX_OWNER_BYTES && OWNER.test(text)

/**
 * An owner of this text: a kind in lower-case letters, a space, and what it is about, in printable
 * ASCII.
 *
 * @throws MeshError `ERR_INTERNAL`: whoever names owners knows the rule
 */
export const parseOwner = (text: string): Owner => {
  if (isOwner(text)) return text
  throw new MeshError(
    'ERR_INTERNAL',
    `${JSON.stringify(text.slice(0, 80))} is no owner of blocks: a kind, a space and up to ${MAX_OWNER_BYTES} characters in all`,
  )
}
