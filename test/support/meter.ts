/** A loopback port that passes bytes on to another one and counts them. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

export interface Meter {
  readonly port: number
  /** Bytes that went through, both ways. */
  readonly count: { readonly bytes: number }
  close(): void
}

export const createMeter = async (targetPort: number): Promise<Meter> => {
  const count = { bytes: 0 }
  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        count.bytes += chunk.length
        to.write(chunk)
      })
      from.on('close', () => to.destroy())
      from.on('error', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    count,
    close: () => void server.close(),
  }
}

/** The port of the first of these addresses that has one. */
export const portOf = (addresses: readonly string[]): number =>
  Number(/\/tcp\/(\d+)/.exec(addresses.join(' '))?.[1])
