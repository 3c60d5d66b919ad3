/** Keys, signatures and certificates in every form. */
import {
  answerLength,
  decodeAgentIdentities,
  decodeAgentSignature,
  MAX_AGENT_ANSWER_BYTES,
} from '../../../src/keys/agent-messages.ts'
import { decodeCertificate, encodeCertificate } from '../../../src/keys/certificate-text.ts'
import {
  armorSshsig,
  dearmorSshsig,
  decodeSshsig,
  encodeSshsig,
  parseCertificate,
  parsePeerId,
  parsePsk,
  parsePublicKey,
  peerIdFromPublicKey,
  publicKeyFromBytes,
  publicKeyFromPeerId,
  publicKeyToBytes,
  readPrivateKey,
  verifyCertificate,
  verifySsh,
} from '../../../src/keys/index.ts'
import { dearmor } from '../../../src/keys/armor.ts'
import { readOpenssh } from '../../../src/keys/openssh-private.ts'
import { checkPoint } from '../../../src/keys/point.ts'
import { privateKeyFromSeed } from '../../../src/keys/private-key.ts'
import { publicKeyFromHex } from '../../../src/keys/public-key.ts'
import { publicKeyFromSshBlob, publicKeyToSshBlob } from '../../../src/keys/public-key-text.ts'
import { sshString, sshUint32 } from '../../../src/keys/ssh-wire.ts'
import { isMeshError, MeshError } from '../../../src/errors/index.ts'
import { concatBytes, fromBase64 } from '../../../src/util/index.ts'
import { keyVectors, readVectors } from '../../keys/vectors.ts'
import { broken, holds, sameBytes, sameText } from '../engine.ts'
import type { PeerId } from '../../../src/keys/index.ts'
import type { Decoder } from '../engine.ts'

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex')
const { keys, passphrase } = keyVectors
const malformed = (why: string): MeshError => new MeshError('ERR_KEY_MALFORMED', why)

interface CertificateVectors {
  readonly check: {
    readonly network: string
    readonly networkKeys: string[]
    readonly nowMs: number
  }
  readonly accepted: readonly { readonly text: string }[]
}
const certificates = (readVectors('certificate') as CertificateVectors).accepted.map(
  ({ text }) => text,
)
const { check } = readVectors('certificate') as CertificateVectors
const networkKeys = check.networkKeys.map((key) => publicKeyFromBytes(hex(key)))
const sshsigs = (
  readVectors('sshsig') as { accepted: readonly { blob: string; armored: string }[] }
).accepted

/** Passphrases cost time on purpose: one round is enough to come to the parts behind it. */
const cheap = keyVectors.protected.filter(({ cipher }) => cipher !== 'pem')

/** Answers of an ssh-agent, without their length. */
const agentIdentities = concatBytes(
  Uint8Array.of(12),
  sshUint32(keys.length),
  ...keys.map((key) =>
    concatBytes(sshString(publicKeyToSshBlob(parsePublicKey(key.openssh))), sshString('a key')),
  ),
)
const agentSignature = concatBytes(
  Uint8Array.of(14),
  sshString(concatBytes(sshString('ssh-ed25519'), sshString(new Uint8Array(64)))),
)

export const keyDecoders: readonly Decoder[] = [
  {
    name: 'keys/agent-messages.ts#answerLength',
    seeds: [
      Uint8Array.of(0, 0, 0),
      Uint8Array.of(0, 0, 0, 1, 5),
      concatBytes(sshUint32(agentIdentities.length), agentIdentities),
    ],
    run: ({ bytes }) => {
      const length = answerLength(bytes)
      holds((length === undefined) === bytes.length < 4, 'it says too soon, or not at all')
      if (length === undefined) return
      holds(length > 4 && length <= 4 + MAX_AGENT_ANSWER_BYTES, `an answer of ${length} bytes`)
      holds(length - 4 === Buffer.from(bytes).readUInt32BE(), 'another length than is announced')
    },
  },
  {
    name: 'keys/agent-messages.ts#decodeAgentIdentities',
    seeds: [agentIdentities, Uint8Array.of(5)],
    run: ({ bytes }) => decodeAgentIdentities(bytes),
  },
  {
    name: 'keys/agent-messages.ts#decodeAgentSignature',
    seeds: [agentSignature, Uint8Array.of(5)],
    run: ({ bytes }) => {
      const signature = decodeAgentSignature(bytes)
      if (signature !== undefined && signature.length !== 64) throw broken('another length')
    },
  },
  {
    name: 'keys/public-key.ts#publicKeyFromBytes',
    seeds: keys.map((key) => hex(key.hex)),
    run: (input) => sameBytes(publicKeyToBytes(publicKeyFromBytes(input.bytes)), input),
  },
  {
    name: 'keys/public-key.ts#publicKeyFromHex',
    text: true,
    seeds: keys.map((key) => key.hex),
    run: (input) => {
      const key = publicKeyFromHex(input.text)
      if (key !== undefined) sameText(key, input)
    },
  },
  {
    name: 'keys/point.ts#checkPoint',
    seeds: [...keys.map((key) => hex(key.hex)), ...keyVectors.smallOrder.map(hex)],
    run: ({ bytes }) => checkPoint(bytes),
    cost: 4,
  },
  {
    name: 'keys/private-key.ts#privateKeyFromSeed',
    seeds: keys.map((key) => hex(key.seed)),
    run: (input) => sameBytes(privateKeyFromSeed(input.bytes).seed, input),
  },
  {
    name: 'keys/public-key-text.ts#parsePublicKey',
    text: true,
    seeds: keys.flatMap((key) => [key.base64, key.openssh, `${key.openssh} comment`, key.pem]),
    run: ({ text }) => parsePublicKey(text),
  },
  {
    name: 'keys/public-key-text.ts#publicKeyFromSshBlob',
    seeds: keys.map((key) => publicKeyToSshBlob(parsePublicKey(key.openssh))),
    run: (input) =>
      sameBytes(publicKeyToSshBlob(publicKeyFromSshBlob(input.bytes, malformed)), input),
  },
  {
    name: 'keys/private-key-text.ts#readPrivateKey',
    text: true,
    seeds: keys.flatMap((key) => [key.privateOpenssh, key.privatePem]),
    run: ({ text }) => readPrivateKey(text, { passphrase }),
    cost: 2,
  },
  {
    name: 'keys/openssh-private.ts#readOpenssh',
    text: true,
    seeds: [
      keys[0]?.privateOpenssh.trim() ?? '',
      ...cheap.slice(0, 1).map(({ text }) => text.trim()),
    ],
    run: ({ text }) => readOpenssh(text, passphrase),
    cost: 20,
  },
  {
    name: 'keys/peer-id.ts#parsePeerId',
    text: true,
    seeds: keys.map((key) => key.peerId),
    run: (input) => {
      const peer = parsePeerId(input.text)
      if (peer !== undefined) sameText(peerIdFromPublicKey(publicKeyFromPeerId(peer)), input)
    },
  },
  {
    name: 'keys/peer-id.ts#publicKeyFromPeerId',
    text: true,
    seeds: keys.map((key) => key.peerId),
    run: ({ text }) => publicKeyFromPeerId(text as PeerId),
  },
  {
    name: 'keys/armor.ts#dearmor',
    text: true,
    seeds: ['-----BEGIN X-----\nTWVzaA==\n-----END X-----\n'],
    run: ({ text }) => dearmor(text, 'X', malformed),
  },
  {
    name: 'keys/sshsig.ts#decodeSshsig',
    seeds: sshsigs.map(({ blob }) => fromBase64(blob) ?? Buffer.alloc(0)),
    run: (input) => {
      const signature = decodeSshsig(input.bytes)
      verifySsh(signature, Buffer.from('message'))
      sameBytes(encodeSshsig(signature), input)
    },
  },
  {
    name: 'keys/sshsig.ts#dearmorSshsig',
    text: true,
    seeds: sshsigs.map(({ armored }) => armored),
    run: ({ text }) => {
      const blob = dearmorSshsig(text)
      holds(Buffer.compare(dearmorSshsig(armorSshsig(blob)), blob) === 0, 'armored otherwise')
    },
  },
  {
    name: 'keys/certificate-text.ts#decodeCertificate',
    text: true,
    seeds: certificates.map((text) => text.slice(0, text.indexOf('-----BEGIN'))),
    run: (input) => sameText(encodeCertificate(decodeCertificate(input.text)), input),
  },
  {
    name: 'keys/certificate.ts#parseCertificate',
    text: true,
    seeds: certificates,
    run: ({ text }) => {
      const { signedText, signature } = parseCertificate(text)
      holds(signedText + armorSshsig(encodeSshsig(signature)) === text, 'it has other spellings')
      try {
        verifyCertificate(text, { ...check, networkKeys })
      } catch (error) {
        if (!isMeshError(error)) throw error
      }
    },
  },
  {
    name: 'keys/psk.ts#parsePsk',
    text: true,
    seeds: [
      `/key/swarm/psk/1.0.0/\n/base16/\n${'0f'.repeat(32)}\n`,
      `/key/swarm/psk/1.0.0/\r\n/base16/\r\n${'a0'.repeat(32)}`,
    ],
    run: ({ text }) => holds(parsePsk(text).length === 32, 'not 32 bytes'),
  },
]
