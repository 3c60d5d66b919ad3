import { Command } from 'commander'
import { readStatementFile } from '../statement-files.ts'
import { toCurlArguments } from '../statement-headers.ts'
import type { Context } from '../context.ts'

export const fileHeadersCommand = ({ out }: Context): Command =>
  new Command()
    .description(
      'Prints a signed statement as arguments for curl, on one line that needs no quotes:\n\n  curl -T ./motd $(mesh file headers motd.stmt) http://127.0.0.1:7331/files/motd',
    )
    .argument('<statement>', '.stmt file')
    .action(async (path: string) => out.line(toCurlArguments(await readStatementFile(path))))
