import { createRequire } from 'node:module'
import { MeshError } from '../errors/index.ts'
import { concatBytes, equalBytes, sha256, utf8 } from '../util/index.ts'
import { armor, dearmor } from './armor.ts'
import { privateKeyFromSeed, SEED_BYTES } from './private-key.ts'
import { publicKeyToBytes } from './public-key.ts'
import {
  formatPublicKey,
  otherType,
  publicKeyFromSshBlob,
  publicKeyToSshBlob,
} from './public-key-text.ts'
import { singleLine, SSH_KEY_TYPE } from './public-key-text.ts'
import { SshReader, sshString, sshUint32 } from './ssh-wire.ts'
import type { PrivateKey, PublicKey } from './types.ts'

/** PEM label of OpenSSH's own format (PROTOCOL.key of OpenSSH). */
export const OPENSSH_LABEL = 'OPENSSH PRIVATE KEY'
/**
 * Most bcrypt rounds of a passphrase. One takes 17 ms: a damaged or hostile file could ask for a
 * year of them. `ssh-keygen` uses 16 to 24 unless told otherwise.
 */
export const MAX_KDF_ROUNDS = 1000
/** Longest salt of a passphrase; `ssh-keygen` uses 16 bytes. */
export const MAX_KDF_SALT_BYTES = 64

const MAGIC = utf8('openssh-key-v1\0')
/** Cipher block, to which the secret part is padded when nothing encrypts it. */
const PLAIN_BLOCK_BYTES = 8
const AES_BLOCK_BYTES = 16
/** What new files are encrypted with, as by `ssh-keygen`. */
const CIPHER = 'aes256-ctr'
const CIPHERS = /^aes(?:128|192|256)-(?:ctr|cbc)$/

const malformed = (why: string): MeshError =>
  new MeshError('ERR_KEY_MALFORMED', `not an OpenSSH private key: ${why}`)

/** 25 ms to load: only for keys with a passphrase. */
const loadSshpk = (): typeof import('sshpk') => createRequire(import.meta.url)('sshpk')

interface Container {
  readonly cipher: string
  readonly kdf: string
  readonly kdfOptions: Uint8Array
  readonly publicKey: PublicKey
  /** Encrypted, unless the cipher is `none`. */
  readonly secret: Uint8Array
}

const readContainer = (text: string): Container => {
  const reader = new SshReader(dearmor(text, OPENSSH_LABEL, malformed), malformed)
  if (!equalBytes(reader.fixed(MAGIC.length, 'the format name'), MAGIC)) {
    throw malformed('its format is not openssh-key-v1')
  }
  const cipher = reader.word('the cipher')
  const kdf = reader.word('the key derivation')
  const kdfOptions = reader.string('the key derivation options')
  if (reader.uint32('the number of keys') !== 1) throw malformed('it does not hold exactly one key')
  const publicKey = publicKeyFromSshBlob(reader.string('the public key'), malformed)
  const secret = reader.string('the secret part')
  // An authenticating cipher appends its tag here; it is refused by name later.
  if (CIPHERS.test(cipher) || cipher === 'none') reader.end()
  return { cipher, kdf, kdfOptions, publicKey, secret }
}

/** The seed in the plain secret part, held against both copies of the public key. */
const readSecret = (secret: Uint8Array, publicKey: PublicKey): PrivateKey => {
  const reader = new SshReader(secret, malformed)
  const check = reader.uint32('the check number')
  if (reader.uint32('the check number') !== check) {
    throw malformed('its check numbers differ: the file is damaged')
  }
  const type = reader.word('the key type')
  if (type !== SSH_KEY_TYPE) throw new MeshError('ERR_KEY_MALFORMED', otherType(type))
  const inner = reader.string('the public key')
  const pair = reader.string('the private key')
  reader.string('the comment')
  if (pair.length !== SEED_BYTES + inner.length || !equalBytes(pair.subarray(SEED_BYTES), inner)) {
    throw malformed('its two copies of the public key differ')
  }
  for (let byte = 1; reader.left > 0; byte++) {
    if (byte >= PLAIN_BLOCK_BYTES || reader.fixed(1, 'the padding')[0] !== byte) {
      throw malformed('its padding is wrong: the file is damaged')
    }
  }
  return checked(privateKeyFromSeed(pair.subarray(0, SEED_BYTES)), publicKey, inner)
}

const checked = (key: PrivateKey, outer: PublicKey, inner: Uint8Array): PrivateKey => {
  if (key.publicKey !== outer || !equalBytes(inner, publicKeyToBytes(outer))) {
    throw malformed('its public key does not belong to its private key')
  }
  return key
}

/** Refuses what the decryption would choke on, or spend hours on. */
const checkEncryption = ({ cipher, kdf, kdfOptions, secret }: Container): void => {
  if (kdf !== 'bcrypt') throw malformed(`unknown key derivation ${JSON.stringify(kdf)}`)
  if (!CIPHERS.test(cipher)) {
    throw malformed(
      `its cipher ${JSON.stringify(cipher)} is not supported; change it with "ssh-keygen -p -Z ${CIPHER} -f FILE"`,
    )
  }
  if (secret.length % AES_BLOCK_BYTES !== 0) throw malformed('its secret part has a wrong length')
  const reader = new SshReader(kdfOptions, malformed)
  const salt = reader.string('the salt')
  const rounds = reader.uint32('the number of rounds')
  reader.end()
  if (salt.length === 0 || salt.length > MAX_KDF_SALT_BYTES) {
    throw malformed(`its salt has ${salt.length} bytes`)
  }
  if (rounds < 1 || rounds > MAX_KDF_ROUNDS) {
    throw malformed(
      `its passphrase takes ${rounds} rounds, at most ${MAX_KDF_ROUNDS} are done; change that with "ssh-keygen -p -a 24 -f FILE"`,
    )
  }
}

const decrypt = (text: string, container: Container, passphrase: string): PrivateKey => {
  checkEncryption(container)
  const sshpk = loadSshpk()
  let seed: Uint8Array | undefined
  let inner: Uint8Array | undefined
  try {
    // Its errors may quote decrypted bytes, so none is passed on.
    const { parts } = sshpk.parsePrivateKey(text, 'ssh-private', { passphrase })
    seed = parts.find(({ name }) => name === 'k')?.data
    inner = parts.find(({ name }) => name === 'A')?.data
  } catch {
    throw new MeshError(
      'ERR_KEY_PASSPHRASE',
      'the passphrase of the private key is wrong, or the file is damaged',
    )
  }
  if (seed === undefined || inner === undefined) throw malformed('it holds no ed25519 key')
  return checked(privateKeyFromSeed(seed), container.publicKey, inner)
}

/**
 * Reads OpenSSH's private key format.
 *
 * @throws MeshError `ERR_KEY_MALFORMED`, `ERR_KEY_WEAK`, `ERR_KEY_PASSPHRASE`
 */
export const readOpenssh = (text: string, passphrase: string | undefined): PrivateKey => {
  const container = readContainer(text)
  if (container.cipher !== 'none') {
    if (passphrase === undefined || passphrase === '') {
      throw new MeshError(
        'ERR_KEY_PASSPHRASE',
        `the private key of "${formatPublicKey(container.publicKey, 'openssh')}" is protected: give its passphrase`,
      )
    }
    return decrypt(text, container, passphrase)
  }
  if (container.kdf !== 'none') throw malformed('it names a key derivation and no cipher')
  return readSecret(container.secret, container.publicKey)
}

const plainSecret = (key: PrivateKey, comment: string): Uint8Array => {
  const publicBytes = publicKeyToBytes(key.publicKey)
  // Random in ssh-keygen, to recognise a wrong passphrase; in a plain file any value will do.
  const check = Buffer.from(sha256(publicBytes), 'hex').subarray(0, 4)
  const secret = concatBytes(
    check,
    check,
    sshString(SSH_KEY_TYPE),
    sshString(publicBytes),
    sshString(concatBytes(key.seed, publicBytes)),
    sshString(comment),
  )
  const padding = (PLAIN_BLOCK_BYTES - (secret.length % PLAIN_BLOCK_BYTES)) % PLAIN_BLOCK_BYTES
  return concatBytes(
    secret,
    Uint8Array.from({ length: padding }, (_, index) => index + 1),
  )
}

/** Writes OpenSSH's private key format, with a passphrase as `ssh-keygen` does (bcrypt, aes256-ctr). */
export const writeOpenssh = (
  key: PrivateKey,
  { passphrase, comment = '' }: { passphrase?: string | undefined; comment?: string | undefined },
): string => {
  const container = concatBytes(
    MAGIC,
    sshString('none'),
    sshString('none'),
    sshString(''),
    sshUint32(1),
    sshString(publicKeyToSshBlob(key.publicKey)),
    sshString(plainSecret(key, singleLine(comment))),
  )
  const plain = armor(container, OPENSSH_LABEL, 70)
  if (passphrase === undefined) return plain
  const parsed = loadSshpk().parsePrivateKey(plain, 'ssh-private')
  return parsed.toString('ssh-private', { passphrase, cipher: CIPHER })
}
