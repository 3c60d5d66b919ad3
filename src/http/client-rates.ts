import { isIPv6 } from 'node:net'
import { MeshError } from '../errors/index.ts'
import { createTokenBuckets } from '../util/index.ts'
import { MAX_RATED_CLIENTS, NAMES_PER_REQUEST, RATE_BURST_SECONDS } from './limits.ts'
import type { Clock } from '../util/index.ts'

/** Who counts as one client: an IPv4 address, or the /64 that one machine can have for itself. */
export const clientOf = (address: string): string => {
  const plain = address.replace(/^::ffff:/, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail = ''] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = plain.includes('::') ? 8 - left.length - right.length : 0
  return [...left, ...Array<string>(Math.max(0, zeros)).fill('0'), ...right].slice(0, 4).join(':')
}

/** How much each client may ask. */
export interface ClientRates {
  /**
   * One request begins. `probe`: it only asks how the daemon is; these have a rate of their own, or who
   * asks for lists would take itself for down. @throws MeshError `ERR_LIMIT_EXCEEDED`: too many have, or
   * cost too much
   */
  check(address: string | undefined, kind?: 'probe'): void
  /** It costs as much as so many more; the client comes into debt, of a burst at most, and waits for its end. */
  charge(address: string | undefined, requests: number): void
}

/** Refuses who asks more than so many times a second over a while; 0: nobody. */
export const createClientRates = (
  { clock }: { clock: Pick<Clock, 'monotonicMs'> },
  { perSecond }: { perSecond: number },
): ClientRates => {
  if (perSecond === 0) return { check: () => {}, charge: () => {} }
  const burst = perSecond * RATE_BURST_SECONDS
  const init = { perSecond, burst, maxKeys: MAX_RATED_CLIENTS }
  const bucketOf = createTokenBuckets<string>({ clock }, init)
  const probesOf = createTokenBuckets<string>({ clock }, init)
  return {
    check(address = '', kind) {
      const bucket = (kind === 'probe' ? probesOf : bucketOf)(clientOf(address))
      if (bucket.tryTake(1)) return
      throw new MeshError(
        'ERR_LIMIT_EXCEEDED',
        `more than ${perSecond} requests a second from ${address}, a list counting for one more with every ${NAMES_PER_REQUEST} names; ask less often, use the unix socket, or raise http.requests_per_second`,
      )
    },
    charge(address = '', requests) {
      const bucket = bucketOf(clientOf(address))
      const owed = (bucket.take(0) * perSecond) / 1_000
      // However long the list: one that takes minutes to pay off would have its reader locked out.
      bucket.take(Math.max(0, Math.min(requests, burst, burst - owed)))
    },
  }
}
