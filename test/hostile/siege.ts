/** All attacks at once on many daemons, as a process of its own is told to and tells of. */
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { blockListDigest, encodeBlockList } from '../../src/chunk/index.ts'
import { sign } from '../integration/cluster.ts'
import { listOf } from '../integration/state.ts'
import { attacks, breaches, handlersOf, pause } from './attacks.ts'
import { createHostileMember } from './hostile-member.ts'
import { ignoreAnswers, knockAtMesh, pesterHttp } from './pests.ts'
import type { ClusterNode } from '../integration/cluster.ts'
import type { Claimed, Large, Target } from './attacks.ts'

/** What an attacker in a process of its own is told; keys as OpenSSH text. */
export interface Siege {
  readonly cluster: Pick<Target, 'networkId' | 'directory'> & {
    readonly networkKey: string
    readonly signer: string
  }
  readonly victims: readonly Victim[]
  readonly large: Large
}

/** What it did to one of them. */
export interface Deeds {
  /** Under which it came, each for one identity. */
  readonly names: readonly string[]
  /** How often each attack sent something, or opened a connection for it. */
  readonly counts: Readonly<Record<string, number>>
}

type Victim = Pick<ClusterNode, 'address' | 'peerId' | 'url'>

/** Files that all of them have to want: those of which hostile members claim to have the content. */
export const CLAIMED_FILES = ['big', 'claimed'] as const

/** How long one identity goes on. */
const LIFE_MS = 3_000
/** One in so many makes itself known by a breach at once: the others may be cut off before they come to it. */
const BREACHES_IN = 4
/** Before it comes back under another name, as no honest network would let it. */
const REST_MS = 200
const CLAIMED_BYTES = 2 ** 20

const signClaimed = async (cluster: Target): Promise<Claimed> => {
  const content = randomBytes(CLAIMED_BYTES)
  const list = listOf(content)
  const signed = await sign(cluster, 'claimed', content, { blocks: blockListDigest(list) })
  return { signed, list: encodeBlockList(list) }
}

/**
 * All attacks on one node, until `signal`; whoever attacks as a member and is cut off, or was at it for a
 * while, comes again as somebody else.
 */
export const besiege = async (
  { cluster, large }: { cluster: Target; large: Large },
  victim: Victim,
  { who, signal }: { who: string; signal: AbortSignal },
): Promise<Deeds> => {
  const names: string[] = []
  const kinds = [...Object.keys(attacks), 'breaches', 'clients', 'deaf clients', 'strangers']
  const counts = Object.fromEntries(kinds.map((kind): [string, number] => [kind, 0]))
  const counter = (kind: string) => (): void => {
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  const claimed = await signClaimed(cluster)

  const asMembers = async (): Promise<void> => {
    while (!signal.aborted) {
      const name = `${who}-${names.length + 1}`
      const handlers = handlersOf(names.length, claimed, signal)
      const member = await createHostileMember(cluster, victim, { name, handlers }).catch(
        () => undefined,
      )
      if (member === undefined) {
        await pause(REST_MS, signal)
        continue
      }
      names.push(name)
      const life = AbortSignal.any([signal, AbortSignal.timeout(LIFE_MS)])
      const contextOf = (kind: string) => ({
        ...{ cluster, large, claimed, signal: life },
        async repeat(work: () => Promise<unknown>): Promise<void> {
          for (const count = counter(kind); !life.aborted; count()) {
            await work()
            // What is sent without waiting would keep all others from their turn.
            await setImmediate()
          }
        },
      })
      const turn = names.length - 1
      if (turn % BREACHES_IN === 0) {
        const breach = breaches[(turn / BREACHES_IN) % breaches.length]
        await breach?.(member, contextOf('breaches')).then(counter('breaches'), () => {})
      } else {
        // Each ends when it is refused, and then the others go on.
        for (const [kind, attack] of Object.entries(attacks)) {
          attack(member, contextOf(kind)).catch(() => {})
        }
        await pause(LIFE_MS, life)
      }
      await pause(REST_MS, signal)
      await member.stop().catch(() => {})
    }
  }
  await Promise.all([
    asMembers(),
    pesterHttp(victim, cluster, { signal, count: counter('clients') }),
    ignoreAnswers(victim, large, { signal, count: counter('deaf clients') }),
    knockAtMesh(victim, { signal, count: counter('strangers') }),
  ])
  return { names, counts }
}
