/** The golden vectors of this folder, and what its tests share. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { isMeshError } from '../../src/errors/index.ts'
import { privateKeyFromSeed } from '../../src/keys/index.ts'
import type { PrivateKey } from '../../src/keys/index.ts'

export interface KeyVectors {
  readonly keys: readonly {
    readonly seed: string
    readonly hex: string
    readonly base64: string
    readonly openssh: string
    readonly pem: string
    readonly peerId: string
    readonly privateOpenssh: string
    readonly privatePem: string
  }[]
  readonly passphrase: string
  readonly protected: readonly { readonly cipher: string; readonly text: string }[]
  readonly smallOrder: readonly string[]
  readonly nonCanonical: readonly string[]
  readonly offCurve: readonly string[]
}

export const readVectors = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, '..', 'vectors', `${name}.json`), 'utf8'))

export const keyVectors = readVectors('keys') as KeyVectors

const keyOf = (byte: number): PrivateKey => privateKeyFromSeed(new Uint8Array(32).fill(byte))

/** The signers of all vectors. */
export const alice = keyOf(1)
export const bob = keyOf(2)

/** The code that `run` fails with; `undefined` if it does not fail. Any other error is passed on. */
export const codeOf = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    if (isMeshError(error)) return error.code
    throw error
  }
}

/** For {@link mutate}. */
export const edits = fc.array(fc.record({ at: fc.nat(4096), byte: fc.nat(255), kind: fc.nat(3) }), {
  minLength: 1,
  maxLength: 4,
})

/** `base` with a few bytes changed, cut or added: near the format, where decoders go wrong. */
export const mutate = (
  base: Uint8Array,
  edits: readonly { readonly at: number; readonly byte: number; readonly kind: number }[],
): Uint8Array => {
  const bytes = [...base]
  for (const { at, byte, kind } of edits) {
    const index = at % (bytes.length + 1)
    if (kind === 0) bytes.splice(index, 1, byte)
    else if (kind === 1) bytes.splice(index, 1)
    else if (kind === 2) bytes.splice(index, 0, byte)
    else bytes.length = index
  }
  return Uint8Array.from(bytes)
}
