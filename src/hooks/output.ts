import { StringDecoder } from 'node:string_decoder'
import { MAX_HOOK_LINE_CHARACTERS, MAX_HOOK_OUTPUT_BYTES } from './limits.ts'

/** What a program writes, as lines, of which the first ones are told. */
export const createOutput = (tell: (line: string) => void) => {
  const rests = new Map<object, { decoder: StringDecoder; text: string }>()
  let total = 0

  const tellLine = (line: string): void => {
    const text = line.endsWith('\r') ? line.slice(0, -1) : line
    if (text !== '') tell(text.slice(0, MAX_HOOK_LINE_CHARACTERS))
  }

  return {
    /** Takes a piece of one of its streams; answers how much it has written by now. */
    add(stream: object, piece: Buffer): number {
      const room = MAX_HOOK_OUTPUT_BYTES - total
      total += piece.length
      if (room <= 0) return total
      const rest = rests.get(stream) ?? { decoder: new StringDecoder(), text: '' }
      const lines = (rest.text + rest.decoder.write(piece.subarray(0, room))).split('\n')
      rests.set(stream, { ...rest, text: lines.pop() ?? '' })
      for (const line of lines) tellLine(line)
      return total
    },
    end(): void {
      for (const { text } of rests.values()) tellLine(text)
      rests.clear()
      const left = total - MAX_HOOK_OUTPUT_BYTES
      if (left > 0) tell(`(${left} bytes more were written)`)
    },
  }
}
