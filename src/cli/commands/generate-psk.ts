import { Command } from 'commander'
import { generatePsk } from '../../keys/index.ts'
import { writeOutput } from '../output.ts'
import type { Context } from '../context.ts'

interface Options {
  readonly output: string
  readonly force?: boolean
}

export const generatePskCommand = ({ out, random }: Context): Command =>
  new Command()
    .description(
      "Makes a pre-shared key (network.psk) in libp2p's swarm key format, with mode 0600. Every node needs the same one.",
    )
    .option('-o, --output <path>', 'where it goes; - is standard output', 'network.psk')
    .option('-f, --force', 'replace a key that is there already')
    .action(async ({ output, force = false }: Options) => {
      const text = generatePsk(random)
      if (output === '-') return out.write(text)
      await writeOutput(output, text, { mode: 0o600, force }, random)
      await out.line(`pre-shared key  ${output} (keep it secret)`)
    })
