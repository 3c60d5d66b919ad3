/** Stand-ins for parts of libp2p. */
import { AbstractMultiaddrConnection } from '@libp2p/utils'
import { multiaddr } from '@multiformats/multiaddr'
import type { MessageStream } from '@libp2p/interface'

const log = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => log,
})

/** A connection to nowhere. */
export class FakeConnection extends AbstractMultiaddrConnection {
  readonly sent: Uint8Array[] = []

  constructor(direction: 'inbound' | 'outbound', address: string) {
    super({ direction, remoteAddr: multiaddr(address), log })
  }

  sendData(data: Parameters<MessageStream['send']>[0]): {
    sentBytes: number
    canSendMore: boolean
  } {
    const sentBytes = data.byteLength
    this.sent.push(data.subarray())
    return { sentBytes, canSendMore: true }
  }

  sendReset(): void {}
  sendPause(): void {}
  sendResume(): void {}
  async sendClose(): Promise<void> {}
}
