import { malformed } from './failures.ts'
import { MAX_EVENT_TEXT_BYTES } from './limits.ts'

/** One block of a `text/event-stream`. */
export interface ServerEvent {
  /** The last `id` of this block or of one before it. */
  readonly id: string | undefined
  /** `undefined`: a block without data, which only moves the id. */
  readonly data: string | undefined
  readonly event: string
}

/** The lines of a stream, of which none may be longer than a whole event. */
async function* linesOf(
  address: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line
    if (rest.length > MAX_EVENT_TEXT_BYTES) throw malformed(address, 'an event without end')
  }
}

/**
 * The blocks of an event stream (WHATWG HTML, 9.2). What breaks off before its empty line is dropped.
 *
 * @throws MeshError `ERR_RESPONSE_MALFORMED`, and whatever `chunks` throws
 */
export async function* readEventStream(
  address: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerEvent> {
  let id: string | undefined
  let event = 'message'
  let data: string[] = []
  let length = 0
  for await (const line of linesOf(address, chunks)) {
    if (line === '') {
      yield { id, event, data: data.length === 0 ? undefined : data.join('\n') }
      ;[event, data, length] = ['message', [], 0]
      continue
    }
    const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'id' && !value.includes('\0')) id = value
    if (field === 'event') event = value
    if (field !== 'data') continue
    length += value.length
    if (length > MAX_EVENT_TEXT_BYTES) throw malformed(address, 'an event without end')
    data.push(value)
  }
}
