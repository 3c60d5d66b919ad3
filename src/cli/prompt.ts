import { openSync } from 'node:fs'
import { ReadStream, WriteStream } from 'node:tty'
import { MeshError } from '../errors/index.ts'

const END_OF_LINE = ['\r', '\n']
const INTERRUPT = '\u0003'
const END_OF_INPUT = '\u0004'
const BACKSPACE = ['\u007f', '\b']
const KILL_LINE = '\u0015'

const openTerminal = (): number | undefined => {
  try {
    return openSync('/dev/tty', 'r+')
  } catch {
    return undefined
  }
}

/** What a line is after one more character; `undefined`: it is complete. */
const type = (line: string, character: string): string | undefined => {
  if (END_OF_LINE.includes(character) || character === END_OF_INPUT) return undefined
  if (character === INTERRUPT) throw new MeshError('ERR_ABORTED', 'interrupted')
  if (BACKSPACE.includes(character)) return [...line].slice(0, -1).join('')
  return character === KILL_LINE ? '' : line + character
}

/**
 * Asks the person at the terminal for something that is not shown; `undefined` if nobody is there.
 * Asks the terminal itself, so that standard input and output stay free for content.
 *
 * @throws MeshError `ERR_ABORTED`
 */
export const askHidden = async (question: string): Promise<string | undefined> => {
  const terminal = openTerminal()
  if (terminal === undefined) return undefined
  const input = new ReadStream(terminal)
  const output = new WriteStream(terminal)
  try {
    input.setRawMode(true)
    output.write(question)
    let line = ''
    for await (const chunk of input.setEncoding('utf8')) {
      for (const character of String(chunk)) {
        const next = type(line, character)
        if (next === undefined) return line
        line = next
      }
    }
    return line
  } finally {
    input.setRawMode(false)
    output.write('\n')
    input.destroy()
    output.destroy()
  }
}
