import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Command } from 'commander'
import { describeSystemError, MeshError } from '../../errors/index.ts'
import { manPages } from '../man.ts'
import { writeOutput } from '../output.ts'
import { readVersion } from '../program.ts'
import type { Context } from '../context.ts'

export const manualCommand = (context: Context): Command =>
  new Command()
    .description(
      'Writes the manual pages, mesh.1 and one for each command, into a directory; where man looks for them is /usr/local/share/man/man1.',
    )
    .requiredOption('-o, --output <path>', 'directory; made if it is missing')
    .action(async ({ output }: { readonly output: string }) => {
      const { describeProgram } = await import('../whole.ts')
      const pages = manPages(await describeProgram(), readVersion())
      await mkdir(output, { recursive: true }).catch((cause: unknown) => {
        const message = `${output} cannot be made: ${describeSystemError(cause)}`
        throw new MeshError('ERR_INPUT_UNREADABLE', message, { data: { path: output }, cause })
      })
      for (const { file, text } of pages) {
        await writeOutput(join(output, file), text, { mode: 0o644, force: true }, context.random)
      }
      await context.err.line(`${pages.length} pages written to ${output}`)
    })
