import { ShapeError } from './shape.ts'
import { blocksVerifyLine } from './bodies/index.ts'
import { fromConnection, fromProblem, malformed } from './failures.ts'
import { MAX_PROBLEM_BYTES } from './limits.ts'
import type { BlocksProgressBody, BlocksReportBody, BlocksVerifyLine } from '../api/index.ts'
import type { Answer } from './exchange.ts'

const lineOf = (address: string, text: string): BlocksVerifyLine => {
  try {
    return blocksVerifyLine(JSON.parse(text), '')
  } catch (error) {
    if (error instanceof ShapeError) throw malformed(address, error.message)
    if (error instanceof SyntaxError) throw malformed(address, 'a line is not JSON')
    throw error
  }
}

async function* linesOf(address: string, chunks: Answer['chunks']): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_PROBLEM_BYTES) throw malformed(address, 'a line is too long')
    yield* lines
  }
}

/** Reads the lines of POST /blocks/verify to the last one, which says what was found. */
export const readVerification = async (
  address: string,
  answer: Answer,
  onProgress: ((progress: BlocksProgressBody) => void) | undefined,
): Promise<BlocksReportBody> => {
  try {
    for await (const text of linesOf(address, answer.chunks)) {
      const line = lineOf(address, text)
      if (line.type === 'report') return line
      if (line.type === 'problem') throw fromProblem(address, answer.status, text)
      onProgress?.(line)
    }
  } finally {
    answer.close()
  }
  throw fromConnection(address, 'the check ended without a report')
}
