/**
 * A peer on a bare socket, as far towards being a member as a test has it go: written from
 * docs/protocols/membership.md, and for Noise from the pages that it names, with none of our code.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
} from 'node:crypto'
import { connect } from 'node:net'
import type { Cipheriv, KeyObject } from 'node:crypto'

export interface Duplex {
  /** Answers whether there was room for it. */
  write(bytes: Uint8Array): boolean
  /** The next so many bytes; rejects at the end. */
  read(count: number): Promise<Buffer>
}

export interface BareSocket extends Duplex {
  /** Resolves when the other side, or somebody on the way, has ended it. */
  readonly ended: Promise<void>
  readonly isEnded: boolean
  /** Resolves when what was written has gone, or nothing goes any more. */
  drained(): Promise<void>
  destroy(): void
}

/** Connects from an address of this machine of its own, so that it is told apart from all others. */
export const openSocket = async (
  { address }: { readonly address: string },
  localAddress: string,
): Promise<BareSocket> => {
  const [, host = '', port] = /^\/ip4\/([\d.]+)\/tcp\/(\d+)/.exec(address) ?? []
  const socket = connect({ host, port: Number(port), localAddress })
  const ended = Promise.withResolvers<void>()
  let received = Buffer.alloc(0)
  let wake = (): void => {}
  let isEnded = false
  socket.on('error', () => {})
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    wake()
  })
  socket.on('close', () => {
    isEnded = true
    ended.resolve()
    wake()
  })
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))
  return {
    ended: ended.promise,
    get isEnded() {
      return isEnded
    },
    write: (bytes) => socket.write(bytes),
    async read(count) {
      while (received.length < count) {
        if (isEnded) throw new Error('the other side has ended it')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const bytes = received.subarray(0, count)
      received = received.subarray(count)
      return bytes
    },
    drained: () =>
      new Promise((resolve) => {
        socket.once('drain', resolve).once('close', resolve)
      }),
    destroy: () => void socket.destroy(),
  }
}

/** Step 1, for whoever dials. */
export const enterPrivateNetwork = async (socket: Duplex, psk: Uint8Array): Promise<Duplex> => {
  const nonce = randomBytes(32)
  socket.write(nonce)
  const cipher = (salt: Uint8Array, side: string): Cipheriv => {
    const info = `mesh/private-network/1 ${side}`
    const key = Buffer.from(hkdfSync('sha256', psk, salt, info, 32))
    return createCipheriv('chacha20', key, Buffer.alloc(16))
  }
  const outbound = cipher(nonce, 'dialler')
  const inbound = cipher(await socket.read(32), 'listener')
  return {
    write: (bytes) => socket.write(outbound.update(bytes)),
    read: async (count) => inbound.update(await socket.read(count)),
  }
}

const line = (text: string): Buffer => Buffer.from(`${text}\n`)

/** Steps 2 and 5: multistream-select, whose lines have their length before them, here below 128. */
export const select = async (stream: Duplex, protocol: string): Promise<void> => {
  for (const each of [line('/multistream/1.0.0'), line(protocol)]) {
    stream.write(Buffer.concat([Buffer.of(each.length), each]))
  }
  for (const wanted of ['/multistream/1.0.0', protocol]) {
    const [length = 0] = await stream.read(1)
    const said = await stream.read(length)
    if (!said.equals(line(wanted))) throw new Error(`${said} instead of ${wanted}`)
  }
}

const X25519_HEAD = Buffer.from('302a300506032b656e032100', 'hex')
const TAG_BYTES = 16
/** Of one message of Noise, less the tag. */
const MAX_PIECE_BYTES = 65_535 - TAG_BYTES

const aead = (key: Uint8Array) => {
  let count = 0
  const nextNonce = (): Buffer => {
    const nonce = Buffer.alloc(12)
    nonce.writeBigUInt64LE(BigInt(count++), 4)
    return nonce
  }
  const options = { authTagLength: TAG_BYTES }
  return {
    seal(bytes: Uint8Array, data: Uint8Array = Buffer.alloc(0)): Buffer {
      const cipher = createCipheriv('chacha20-poly1305', key, nextNonce(), options)
      cipher.setAAD(data, { plaintextLength: bytes.length })
      return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
    },
    open(bytes: Uint8Array, data: Uint8Array = Buffer.alloc(0)): Buffer {
      const end = bytes.length - TAG_BYTES
      const cipher = createDecipheriv('chacha20-poly1305', key, nextNonce(), options)
      cipher.setAAD(data, { plaintextLength: end })
      cipher.setAuthTag(bytes.subarray(end))
      return Buffer.concat([cipher.update(bytes.subarray(0, end)), cipher.final()])
    },
  }
}

/** Messages of Noise have their length in two bytes before them, big-endian. */
export const noiseMessage = (bytes: Uint8Array): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

const readNoiseMessage = async (stream: Duplex): Promise<Buffer> =>
  stream.read((await stream.read(2)).readUInt16BE())

export interface Identity {
  /** 64 hex digits. */
  readonly publicKey: string
  sign(message: Uint8Array): Promise<Uint8Array>
}

/** Step 3, Noise XX with libp2p's payload, for whoever dials. */
export const secure = async (stream: Duplex, identity: Identity): Promise<Duplex> => {
  let hash: Buffer = Buffer.from('Noise_XX_25519_ChaChaPoly_SHA256')
  let chain: Buffer = hash
  let cipher = aead(Buffer.alloc(32))
  const mix = (bytes: Uint8Array): void => {
    hash = createHash('sha256').update(hash).update(bytes).digest()
  }
  const derive = (input: Uint8Array): [Buffer, Buffer] => {
    const keys = Buffer.from(hkdfSync('sha256', input, chain, '', 64))
    return [keys.subarray(0, 32), keys.subarray(32)]
  }
  const newKey = () => {
    const { publicKey, privateKey } = generateKeyPairSync('x25519')
    const bytes = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
    return { bytes, privateKey }
  }
  const agree = (privateKey: KeyObject, theirs: Uint8Array): void => {
    const key = Buffer.concat([X25519_HEAD, theirs])
    const publicKey = createPublicKey({ key, format: 'der', type: 'spki' })
    const [next, secret] = derive(diffieHellman({ privateKey, publicKey }))
    chain = next
    cipher = aead(secret)
  }
  const seal = (bytes: Uint8Array): Buffer => {
    const sealed = cipher.seal(bytes, hash)
    mix(sealed)
    return sealed
  }
  const open = (sealed: Uint8Array): Buffer => {
    const bytes = cipher.open(sealed, hash)
    mix(sealed)
    return bytes
  }

  const [passing, fixed] = [newKey(), newKey()]
  mix(Buffer.alloc(0))
  mix(passing.bytes)
  mix(Buffer.alloc(0))
  stream.write(noiseMessage(passing.bytes))

  const answer = await readNoiseMessage(stream)
  const theirs = answer.subarray(0, 32)
  mix(theirs)
  agree(passing.privateKey, theirs)
  const theirFixed = open(answer.subarray(32, 80))
  agree(passing.privateKey, theirFixed)
  open(answer.subarray(80))

  const own = seal(fixed.bytes)
  agree(fixed.privateKey, theirs)
  const proof = Buffer.concat([Buffer.from('noise-libp2p-static-key:'), fixed.bytes])
  // Protocol Buffers: an ed25519 key as field 1, a signature as field 2.
  const payload = Buffer.concat([
    Buffer.from('0a2408011220', 'hex'),
    Buffer.from(identity.publicKey, 'hex'),
    Buffer.from('1240', 'hex'),
    await identity.sign(proof),
  ])
  stream.write(noiseMessage(Buffer.concat([own, seal(payload)])))

  const [outboundKey, inboundKey] = derive(Buffer.alloc(0))
  const [outbound, inbound] = [aead(outboundKey), aead(inboundKey)]
  let received = Buffer.alloc(0)
  return {
    write(bytes) {
      let hasRoom = true
      for (let at = 0; at < bytes.length; at += MAX_PIECE_BYTES) {
        const piece = bytes.subarray(at, at + MAX_PIECE_BYTES)
        hasRoom = stream.write(noiseMessage(outbound.seal(piece)))
      }
      return hasRoom
    },
    async read(count) {
      while (received.length < count) {
        const piece = inbound.open(await readNoiseMessage(stream))
        received = Buffer.concat([received, piece])
      }
      const bytes = received.subarray(0, count)
      received = received.subarray(count)
      return bytes
    },
  }
}

/** Step 4: a message with its length, which may be a lie. */
export const membershipMessage = (bytes: Uint8Array, sizeBytes = bytes.length): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16LE(sizeBytes)
  return Buffer.concat([length, bytes])
}

export const readMembershipMessage = async (stream: Duplex): Promise<Buffer> =>
  stream.read((await stream.read(2)).readUInt16LE())

/** The header of a Yamux frame. */
export const yamuxHeader = (
  type: number,
  { flags = 0, stream = 0, length = 0 }: { flags?: number; stream?: number; length?: number } = {},
): Buffer => {
  const header = Buffer.alloc(12)
  header.writeUInt8(type, 1)
  header.writeUInt16BE(flags, 2)
  header.writeUInt32BE(stream, 4)
  header.writeUInt32BE(length, 8)
  return header
}
