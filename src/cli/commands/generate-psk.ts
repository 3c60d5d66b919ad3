import { basename, join } from 'node:path'
import { Command } from 'commander'
import { generatePsk } from '../../keys/index.ts'
import { writeOutput } from '../output.ts'
import { printFields } from '../print.ts'
import type { Context } from '../context.ts'

interface Options {
  readonly output: string
  readonly force?: boolean
}

/** Where the documentation puts the files of a node. */
const ETC = '/etc/mesh'

/** What to do with a key that was just made, for a new network and for one that changes its key. */
const nextSteps = (there: string): (readonly [string, string])[] => [
  ['[network]', `psk = ${JSON.stringify(there)}`],
  [
    'next',
    `copy it to every machine of the network, as ${there}, readable by its daemon only; without it a machine gets no handshake. In a network that has no pre-shared key yet, restart every daemon with it`,
  ],
  [
    'to change one',
    'three rounds over all machines, with a SIGHUP after each: psk = ["OLD", "NEW"], then ["NEW", "OLD"], then ["NEW"]; between rounds, see that mesh peers shows everybody (docs/operations.md)',
  ],
]

export const generatePskCommand = (context: Context): Command =>
  new Command()
    .description(
      "Makes a pre-shared key (network.psk) in libp2p's swarm key format, with mode 0600, and says what to do with it. Every node needs the same one.",
    )
    .option('-o, --output <path>', 'where it goes; - is standard output', 'network.psk')
    .option('-f, --force', 'replace a key that is there already')
    .action(async ({ output, force = false }: Options) => {
      const { out, random } = context
      const text = generatePsk(random)
      if (output === '-') return out.write(text)
      await writeOutput(output, text, { mode: 0o600, force }, random)
      await printFields(context, [
        ['pre-shared key', `${output} (keep it secret)`],
        ...nextSteps(join(ETC, basename(output))),
      ])
    })
