import { Command } from 'commander'
import { generateNetworkId } from '../../statement/index.ts'
import type { Context } from '../context.ts'

export const generateNetworkCommand = ({ out, random }: Context): Command =>
  new Command()
    .description(
      'Prints the id of a new network, for network.id of every node. It is part of every statement, so that nothing signed for one network counts in another.',
    )
    .action(() => out.line(generateNetworkId(random)))
