import { isIPv6 } from 'node:net'
import { MeshError } from '../errors/index.ts'
import { createTokenBuckets } from '../util/index.ts'
import { MAX_RATED_CLIENTS, RATE_BURST_SECONDS } from './limits.ts'
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

/** Refuses who asks more than so many times a second over a while; 0: nobody. */
export const createClientRates = (
  { clock }: { clock: Pick<Clock, 'monotonicMs'> },
  { perSecond }: { perSecond: number },
): ((address: string | undefined) => void) => {
  if (perSecond === 0) return () => {}
  const burst = perSecond * RATE_BURST_SECONDS
  const bucketOf = createTokenBuckets<string>(
    { clock },
    { perSecond, burst, maxKeys: MAX_RATED_CLIENTS },
  )
  return (address = '') => {
    if (bucketOf(clientOf(address)).tryTake(1)) return
    throw new MeshError(
      'ERR_LIMIT_EXCEEDED',
      `more than ${perSecond} requests a second from ${address}; ask less often, use the unix socket, or raise http.requests_per_second`,
    )
  }
}
