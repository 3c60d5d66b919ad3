/** Runs the real ssh-keygen, the other implementation that ours has to agree with. */
import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatPublicKey, writePrivateKey } from '../../src/keys/index.ts'
import type { PrivateKey, PublicKey } from '../../src/keys/index.ts'

const TIMEOUT_MS = 30_000

const missing = spawnSync('ssh-keygen', ['-Y'], { timeout: TIMEOUT_MS }).error !== undefined

/** For `t.test(title, { skip }, …)`. */
export const skip: string | false = missing && 'ssh-keygen is not installed'

/** Standard output of ssh-keygen; throws if it fails. */
export const sshKeygen = (args: readonly string[], input: Uint8Array | string = ''): string =>
  execFileSync('ssh-keygen', args, {
    encoding: 'utf8',
    input,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
  })

let count = 0

/** Writes a private key where ssh-keygen takes it: readable by its owner only. */
export const writeKeyFile = (directory: string, text: string): string => {
  const path = join(directory, `key-${count++}`)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

/** The armored signature that `ssh-keygen -Y sign` makes. */
export const sshSign = (
  directory: string,
  key: PrivateKey,
  namespace: string,
  message: Uint8Array | string,
  options: readonly string[] = [],
): string => {
  const path = writeKeyFile(directory, writePrivateKey(key, { format: 'openssh' }))
  return sshKeygen(['-Y', 'sign', '-q', '-f', path, '-n', namespace, ...options], message)
}

/** Whether `ssh-keygen -Y verify` takes the armored signature, and why not. */
export const sshVerify = (
  directory: string,
  signer: PublicKey,
  namespace: string,
  message: Uint8Array | string,
  armored: string,
): { ok: boolean; output: string } => {
  const name = `${count++}`
  const allowed = join(directory, `allowed-${name}`)
  const signature = join(directory, `signature-${name}`)
  const line = `alice@example.org namespaces="${namespace}" ${formatPublicKey(signer, 'openssh')}`
  writeFileSync(allowed, `${line}\n`)
  writeFileSync(signature, armored)
  const who = ['-f', allowed, '-I', 'alice@example.org', '-n', namespace, '-s', signature]
  const result = spawnSync('ssh-keygen', ['-Y', 'verify', ...who], {
    encoding: 'utf8',
    input: message,
    timeout: TIMEOUT_MS,
  })
  return { ok: result.status === 0, output: `${result.stdout}${result.stderr}` }
}
