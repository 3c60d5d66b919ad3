/** What the makers of golden vectors share: fixed keys, ssh-keygen, and a place to write to. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyFromSeed } from '../../src/keys/index.ts'
import { sshSign, sshVerify } from '../keys/ssh-keygen.ts'
import type { PrivateKey } from '../../src/keys/index.ts'

const keyOf = (byte: number): PrivateKey => privateKeyFromSeed(new Uint8Array(32).fill(byte))

export const alice = keyOf(1)
export const bob = keyOf(2)

export const vectorPath = (name: string): string => join(import.meta.dirname, `${name}.json`)

/** Writes the vectors that `make` returns; its directory is for ssh-keygen and is removed again. */
export const writeVectors = (name: string, make: (directory: string) => unknown): void => {
  const directory = mkdtempSync(join(tmpdir(), 'mesh-vectors-'))
  try {
    writeFileSync(vectorPath(name), `${JSON.stringify(make(directory), null, 2)}\n`)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Signs with ssh-keygen and lets it verify its own signature as a user would. */
export const signWithSsh = (
  directory: string,
  key: PrivateKey,
  namespace: string,
  message: string,
): string => {
  const armored = sshSign(directory, key, namespace, message)
  const { ok, output } = sshVerify(directory, key.publicKey, namespace, message, armored)
  if (!ok) throw new Error(output)
  return armored
}
