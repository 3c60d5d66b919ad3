import { multiaddr } from '@multiformats/multiaddr'
import { MeshError } from '../errors/index.ts'
import { parsePeerAddress } from './address.ts'
import { withDeadline } from './deadline.ts'
import { explainDialError } from './dial-error.ts'
import { DIAL_TIMEOUT_MS } from './limits.ts'
import type { ErrorCode } from '../errors/index.ts'
import type { PeerId } from '../keys/index.ts'
import type { Clock } from '../util/index.ts'
import type { Handshakes } from './handshakes.ts'
import type { Libp2pNode } from './libp2p-node.ts'
import type { Members } from './members.ts'
import type { Peer } from './types.ts'

/** Connects to a multiaddr with a peer id; a member that is connected already is the answer. */
export type Dial = (address: string, signal?: AbortSignal) => Promise<Peer>

const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

export const createDialler = (
  { clock, handshakes, members }: { clock: Clock; handshakes: Handshakes; members: Members },
  init: {
    readonly own: PeerId
    /** `undefined`: not running. */
    node(): Libp2pNode | undefined
    isAvoided(peer: PeerId): boolean
    hasPsk(): boolean
  },
): Dial => {
  /** What came of the attempt, whether libp2p tells or not. */
  const attempt = async (node: Libp2pNode, text: string, peer: PeerId, signal?: AbortSignal) => {
    const address = multiaddr(text)
    const deadline = { timeoutMs: DIAL_TIMEOUT_MS, what: text, signal }
    let timedOut = false
    try {
      await withDeadline({ clock }, deadline, async (limited) => {
        limited.addEventListener('abort', () => {
          timedOut = true
        })
        await node.dial(address, { signal: limited })
      })
    } catch (error) {
      const handshake = handshakes.outcomeOf(address.toString())
      const hasPsk = init.hasPsk()
      throw explainDialError(error, { address: text, peer, handshake, timedOut, hasPsk })
    }
    handshakes.outcomeOf(address.toString())
  }

  return async (text, signal) => {
    const { peer } = parsePeerAddress(text)
    const fail = (code: ErrorCode, why: string): MeshError =>
      new MeshError(code, `${text}: ${why}`, { data: { address: text, peer } })
    if (isAborted(signal)) throw fail('ERR_ABORTED', 'dialling was cancelled')
    if (peer === init.own) throw fail('ERR_PEER_UNREACHABLE', 'that is this node itself')
    const known = members.peer(peer)
    if (known !== undefined) return known
    const node = init.node()
    if (node === undefined) throw fail('ERR_PEER_UNREACHABLE', 'this node is not running')
    if (init.isAvoided(peer)) {
      throw fail('ERR_PEER_REFUSED', 'it is avoided for a while after its faults')
    }
    await attempt(node, text, peer, signal).catch((error: unknown) => {
      throw isAborted(signal) ? fail('ERR_ABORTED', 'dialling was cancelled') : error
    })
    const found = members.peer(peer)
    if (found === undefined) throw fail('ERR_PEER_UNREACHABLE', 'it hung up at once')
    return found
  }
}
