/**
 * Writes keys.json: `node test/vectors/keys.make.ts`. What is salted (keys with a passphrase, written
 * by ssh-keygen) is kept from the file that is there.
 */
import { existsSync, readFileSync } from 'node:fs'
import { formatPublicKey, peerIdFromPublicKey, writePrivateKey } from '../../src/keys/index.ts'
import { toHex } from '../../src/util/index.ts'
import { sshKeygen, writeKeyFile } from '../keys/ssh-keygen.ts'
import { alice, bob, vectorPath, writeVectors } from './make.ts'

const PASSPHRASE = 'correct horse'

const protectedKeys = (directory: string): unknown => {
  if (existsSync(vectorPath('keys')))
    return JSON.parse(readFileSync(vectorPath('keys'), 'utf8')).protected
  const ciphers = ['aes128-ctr', 'aes192-ctr', 'aes256-ctr', 'aes128-cbc', 'aes256-cbc']
  return ciphers.map((cipher) => {
    const file = writeKeyFile(directory, writePrivateKey(alice, { format: 'openssh' }))
    sshKeygen(['-q', '-p', '-P', '', '-N', PASSPHRASE, '-Z', cipher, '-a', '4', '-f', file])
    return { cipher, text: readFileSync(file, 'utf8') }
  })
}

const P = 2n ** 255n - 19n
const point = (y: bigint, sign: 0 | 1): string =>
  toHex(
    Buffer.from(
      (y + (sign === 1 ? 2n ** 255n : 0n)).toString(16).padStart(64, '0'),
      'hex',
    ).reverse(),
  )
const ORDER_8_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n

writeVectors('keys', (directory) => {
  const smallOrder = [0n, 1n, P - 1n, ORDER_8_Y, P - ORDER_8_Y]
  const nonCanonical = Array.from({ length: 19 }, (_, index) => P + BigInt(index))
  return {
    about: 'ed25519 keys in every form. protected: written by ssh-keygen -p',
    keys: [alice, bob].map((key) => ({
      seed: toHex(key.seed),
      hex: key.publicKey,
      base64: formatPublicKey(key.publicKey, 'base64'),
      openssh: formatPublicKey(key.publicKey, 'openssh'),
      pem: formatPublicKey(key.publicKey, 'pem'),
      peerId: peerIdFromPublicKey(key.publicKey),
      privateOpenssh: writePrivateKey(key, { format: 'openssh', comment: 'vector' }),
      privatePem: writePrivateKey(key, { format: 'pem' }),
    })),
    passphrase: PASSPHRASE,
    protected: protectedKeys(directory),
    smallOrder: smallOrder.flatMap((y) => [point(y, 0), point(y, 1)]),
    nonCanonical: nonCanonical.flatMap((y) => [point(y, 0), point(y, 1)]),
    offCurve: [2n, 7n, 8n, 11n, 12n].flatMap((y) => [point(y, 0), point(y, 1)]),
  }
})
