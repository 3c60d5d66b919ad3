import { fromBase64, toBase64 } from '../util/index.ts'

/** A block `-----BEGIN label-----` with base64 lines of `width` characters; ends with a line feed. */
export const armor = (bytes: Uint8Array, label: string, width: number): string => {
  const base64 = toBase64(bytes)
  let lines = ''
  for (let at = 0; at < base64.length; at += width) lines += `${base64.slice(at, at + width)}\n`
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`
}

/**
 * The bytes of one block, and nothing before or after it but a last line end. Lines may end in CRLF
 * and have any width: tools differ, and the base64 itself must be canonical.
 */
export const dearmor = (text: string, label: string, fail: (why: string) => Error): Uint8Array => {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  if (lines.at(-1) === '') lines.pop()
  if (lines[0] !== `-----BEGIN ${label}-----`) {
    throw fail(`expected a line "-----BEGIN ${label}-----" first`)
  }
  if (lines.at(-1) !== `-----END ${label}-----`) {
    throw fail(`expected a line "-----END ${label}-----" last`)
  }
  const base64 = lines.slice(1, -1)
  if (base64.length === 0) throw fail('the block is empty')
  if (base64.includes('')) throw fail('there is an empty line within the block')
  const bytes = fromBase64(base64.join(''))
  if (bytes === undefined) throw fail('the block is not canonical base64')
  return bytes
}
