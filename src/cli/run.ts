import { CommanderError } from 'commander'
import { createContext } from './context.ts'
import { exitCodes } from './exit.ts'
import { reportError } from './report.ts'
import { buildProgram } from './program.ts'

/** A pipe that its reader has closed (`mesh file list | head`) is the end, and no error. */
const endWithReader = (): void => {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok.code)
    throw error
  })
}

/** Runs one command line and resolves to its exit code. */
export const run = async (args: readonly string[]): Promise<number> => {
  endWithReader()
  const context = createContext()
  // `mesh help file update` is what many type first.
  const words = args[0] === 'help' ? [...args.slice(1), '--help'] : args
  try {
    const program = await buildProgram(context, words)
    await program.parseAsync([...words], { from: 'user' })
    return Number(process.exitCode ?? exitCodes.ok.code)
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed it already, the help that was asked for included.
      return error.exitCode === 0 ? exitCodes.ok.code : exitCodes.usage.code
    }
    return reportError(context, error, args.includes('--json'))
  }
}
