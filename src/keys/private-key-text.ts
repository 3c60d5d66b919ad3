import { createPrivateKey } from 'node:crypto'
import { MeshError } from '../errors/index.ts'
import { concatBytes, equalBytes } from '../util/index.ts'
import { armor, dearmor } from './armor.ts'
import { OPENSSH_LABEL, readOpenssh, writeOpenssh } from './openssh-private.ts'
import { PKCS8_PREFIX, privateKeyFromSeed, SEED_BYTES } from './private-key.ts'
import { MAX_KEY_TEXT_BYTES } from './public-key-text.ts'
import type { KeyObject } from 'node:crypto'
import type { PrivateKey } from './types.ts'

const PLAIN_LABEL = 'PRIVATE KEY'
const ENCRYPTED_LABEL = 'ENCRYPTED PRIVATE KEY'
const PEM_WIDTH = 64

const malformed = (why: string): MeshError =>
  new MeshError('ERR_KEY_MALFORMED', `not a private key: ${why}`)

/** The last 32 bytes of an exported key: RFC 8410 puts nothing after the seed. */
const seedOf = (key: KeyObject): PrivateKey => {
  if (key.asymmetricKeyType !== 'ed25519') {
    throw malformed(
      `its type is ${key.asymmetricKeyType ?? 'unknown'}, and mesh uses ed25519 only (openssl genpkey -algorithm ed25519)`,
    )
  }
  return privateKeyFromSeed(key.export({ format: 'der', type: 'pkcs8' }).subarray(-SEED_BYTES))
}

const readPlain = (text: string): PrivateKey => {
  const der = Buffer.from(dearmor(text, PLAIN_LABEL, malformed))
  const prefix = der.subarray(0, PKCS8_PREFIX.length)
  if (equalBytes(prefix, PKCS8_PREFIX) && der.length === PKCS8_PREFIX.length + SEED_BYTES) {
    return privateKeyFromSeed(der.subarray(PKCS8_PREFIX.length))
  }
  // Other algorithms, to refuse them by name; and keys with attributes or the public key attached.
  let key: KeyObject
  try {
    key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  } catch {
    throw malformed('the PEM block holds no PKCS#8 key')
  }
  return seedOf(key)
}

const readEncrypted = (text: string, passphrase: string | undefined): PrivateKey => {
  const der = Buffer.from(dearmor(text, ENCRYPTED_LABEL, malformed))
  if (passphrase === undefined || passphrase === '') {
    throw new MeshError('ERR_KEY_PASSPHRASE', 'the private key is protected: give its passphrase')
  }
  let key: KeyObject
  try {
    key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8', passphrase })
  } catch {
    throw new MeshError(
      'ERR_KEY_PASSPHRASE',
      'the passphrase of the private key is wrong, or the file is damaged',
    )
  }
  return seedOf(key)
}

/** Why a text without a known first line is no private key, without quoting it. */
const guess = (text: string): string => {
  if (/^(ssh-|ecdsa-|sk-)/.test(text) || text.startsWith('-----BEGIN PUBLIC KEY-----')) {
    return 'this is a public key; give the file without ".pub"'
  }
  if (text.startsWith('PuTTY-User-Key-File')) {
    return 'this is a PuTTY file; convert it with "puttygen FILE -O private-openssh-new"'
  }
  const old = /^-----BEGIN (RSA|DSA|EC) PRIVATE KEY-----/.exec(text)?.[1]
  if (old !== undefined) return `its type is ${old}, and mesh uses ed25519 only`
  return `expected a block "-----BEGIN ${OPENSSH_LABEL}-----" or "-----BEGIN ${PLAIN_LABEL}-----"`
}

/**
 * Reads a private key file: OpenSSH's format or PKCS#8 PEM, each plain or with a passphrase. A
 * passphrase that a plain file does not need is ignored.
 *
 * @throws MeshError `ERR_KEY_MALFORMED`, `ERR_KEY_WEAK`, `ERR_KEY_PASSPHRASE`; none quotes the text.
 */
export const readPrivateKey = (
  text: string,
  { passphrase }: { passphrase?: string | undefined } = {},
): PrivateKey => {
  if (text.length > MAX_KEY_TEXT_BYTES) {
    throw malformed(`more than ${MAX_KEY_TEXT_BYTES} bytes of text`)
  }
  const trimmed = text.trim()
  const begins = (label: string): boolean => trimmed.startsWith(`-----BEGIN ${label}-----`)
  if (begins(OPENSSH_LABEL)) return readOpenssh(trimmed, passphrase)
  if (begins(PLAIN_LABEL)) return readPlain(trimmed)
  if (begins(ENCRYPTED_LABEL)) return readEncrypted(trimmed, passphrase)
  throw malformed(trimmed === '' ? 'the file is empty' : guess(trimmed))
}

/**
 * A private key as the text of a file, ending with a line feed. For a passphrase prefer `openssh`:
 * guessing it costs 100 times more than with `pem`.
 *
 * @throws MeshError `ERR_KEY_PASSPHRASE` if the passphrase is empty.
 */
export const writePrivateKey = (
  key: PrivateKey,
  options: {
    format: 'openssh' | 'pem'
    passphrase?: string | undefined
    comment?: string | undefined
  },
): string => {
  const { format, passphrase } = options
  if (passphrase === '') {
    throw new MeshError(
      'ERR_KEY_PASSPHRASE',
      'the passphrase is empty; leave it out to write the key unprotected',
    )
  }
  if (format === 'openssh') return writeOpenssh(key, options)
  const der = Buffer.from(concatBytes(PKCS8_PREFIX, key.seed))
  if (passphrase === undefined) return armor(der, PLAIN_LABEL, PEM_WIDTH)
  const imported = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return imported
    .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase })
    .toString()
}
