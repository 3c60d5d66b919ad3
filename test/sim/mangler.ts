/** A member that breaks some of what it sends, without any idea of the protocols. */
import type { FrameStream, Transport } from '../../src/transport/index.ts'
import type { SeededRandom } from '../support/random.ts'

/** Of frames with statements. */
const FORGED_SHARE = 0.5
/** Of all others: more, and it is avoided before it has anything to forge. */
const MANGLED_SHARE = 0.005
const STATEMENT_END = Buffer.from('\nblocks none\n')
/** Somewhere in the first signature after a text, whatever the few bytes between them are. */
const INTO_SIGNATURE_BYTES = 60

const mangle = (frame: Uint8Array, random: SeededRandom): Uint8Array => {
  const bytes = Buffer.from(frame)
  const end = bytes.indexOf(STATEMENT_END)
  const hasStatement = end >= 0
  if (random.fraction() >= (hasStatement ? FORGED_SHARE : MANGLED_SHARE)) return frame
  if (bytes.length === 0) return frame
  const inSignature = end + STATEMENT_END.length + INTO_SIGNATURE_BYTES
  const forges = hasStatement && inSignature < bytes.length && random.below(4) > 0
  const at = forges ? inSignature : random.below(bytes.length)
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << random.below(8)), at)
  return bytes
}

export const mangled = (transport: Transport, random: SeededRandom): Transport => {
  const wrap = (stream: FrameStream): FrameStream => ({
    peer: stream.peer,
    protocol: stream.protocol,
    signal: stream.signal,
    send: (frame) => stream.send(mangle(frame, random)),
    receive: (options) => stream.receive(options),
    close: () => stream.close(),
    abort: (reason) => stream.abort(reason),
  })
  return {
    ...transport,
    handle: (protocol, init, handler) =>
      transport.handle(protocol, init, (stream) => handler(wrap(stream))),
    open: async (peer, protocol, init, options) =>
      wrap(await transport.open(peer, protocol, init, options)),
  }
}
