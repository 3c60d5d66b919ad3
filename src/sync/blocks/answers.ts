/** What is said to one reader of blocks, who has to keep up with it. */
import { watch } from '../async.ts'
import { MAX_UNREAD_ANSWERS, SERVE_STALL_MS } from '../limits.ts'
import { encodeBlockAnswer, encodePieceHead } from './messages.ts'
import type { Logger } from '../../observe/index.ts'
import type { FrameStream } from '../../transport/index.ts'
import type { Clock } from '../../util/index.ts'
import type { BlockAnswer } from './messages.ts'

export interface Answers {
  /** One frame; resolves when it has been taken. */
  send(message: BlockAnswer): Promise<void>
  /** One frame that nobody waits for. What cannot be sent ends the stream. */
  say(message: BlockAnswer): void
  /** Resolves when the reader has taken most of what was said. */
  hasRead(): Promise<void>
}

export interface AnswersInit {
  readonly clock: Clock
  readonly logger: Logger
}

export const createAnswers = ({ clock, logger }: AnswersInit, stream: FrameStream): Answers => {
  let unread = 0
  let onRead: (() => void) | undefined

  const send = (message: BlockAnswer): Promise<void> =>
    watch(
      { clock, limitMs: SERVE_STALL_MS, giveUp: (why) => stream.abort(why) },
      `blocks for ${stream.peer}`,
      () =>
        message.type === 'piece'
          ? stream.send(encodePieceHead(message), message.bytes)
          : stream.send(encodeBlockAnswer(message)),
    )

  return {
    send,
    say(message) {
      unread++
      send(message)
        .catch((error: unknown) => {
          // Whoever reads from the stream notices.
          logger.debug({ peer: stream.peer, error }, 'a reader of blocks is gone')
        })
        .finally(() => {
          unread--
          onRead?.()
        })
    },
    async hasRead() {
      while (unread > MAX_UNREAD_ANSWERS && !stream.signal.aborted) {
        await new Promise<void>((resolve) => {
          onRead = resolve
        })
      }
    },
  }
}
