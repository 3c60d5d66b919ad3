import { Readable } from 'node:stream'
import { LINGER_MS, MAX_LINGER_BYTES } from './limits.ts'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../util/index.ts'

/** Whether there is a body that has not been read to its end. */
export const hasBodyLeft = (request: IncomingMessage): boolean =>
  !request.complete &&
  (request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0)

/**
 * An answer to a request whose body nobody wants. If the connection were closed with bytes of the
 * body unread, the system would reset it, and the reset can overtake the answer; so the answer is
 * sent, the body is read and thrown away for a while, and only then does the answer end.
 */
export const lingering = (
  answer: string | Buffer,
  request: IncomingMessage,
  clock: Clock,
  { maxBytes = MAX_LINGER_BYTES }: { readonly maxBytes?: number } = {},
) => {
  const stream = new Readable({ read() {} })
  let leftBytes = maxBytes
  const drop = (piece: Buffer): void => {
    leftBytes -= piece.length
    // Who goes on sending finds that nobody takes it, and can still read the answer.
    if (leftBytes < 0) request.pause()
  }
  const end = (): void => {
    cancel()
    request.off('data', drop)
    for (const event of ['end', 'close', 'error']) request.off(event, end)
    stream.push(null)
  }
  const cancel = clock.schedule(LINGER_MS, end)
  for (const event of ['end', 'close', 'error']) request.once(event, end)
  stream.push(answer)
  request.on('data', drop)
  request.resume()
  if (request.destroyed || request.readableEnded) end()
  return stream
}
