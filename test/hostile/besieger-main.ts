/**
 * The attacker as a process of its own, to be run when no other process wants to: what its lies cost itself
 * would be spent on its own machine. Ends when its standard input does, and says under which names it came.
 */
import { readFileSync } from 'node:fs'
import { readPrivateKey } from '../../src/keys/index.ts'
import { besiege, ignoreAnswers, pesterHttp } from './attacks.ts'
import type { Siege } from './attacks.ts'

const { cluster, victims, large }: Siege = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const stop = new AbortController()
process.stdin.resume().once('end', () => stop.abort())
const { signal } = stop
const target = {
  ...cluster,
  networkKey: readPrivateKey(cluster.networkKey),
  signer: readPrivateKey(cluster.signer),
}
const [names] = await Promise.all([
  Promise.all(
    victims.map((victim, index) =>
      besiege(target, victim, { who: `mallory-${index}`, signal, large }),
    ),
  ),
  Promise.all(victims.map((victim) => pesterHttp(victim, { signal }))),
  Promise.all(victims.map((victim) => ignoreAnswers(victim, large, { signal }))),
])
process.stdout.write(`${JSON.stringify(names)}\n`, () => process.exit(0))
