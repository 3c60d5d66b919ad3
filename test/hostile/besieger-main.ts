/**
 * The attacker as a process of its own, to be run when no other process wants to: what its lies cost itself
 * would be spent on its own machine. Ends when its standard input does, and says what it did.
 */
import { readFileSync } from 'node:fs'
import { readPrivateKey } from '../../src/keys/index.ts'
import { besiege } from './siege.ts'
import type { Siege } from './siege.ts'

const { cluster, victims, large }: Siege = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const stop = new AbortController()
process.stdin.resume().once('end', () => stop.abort())
const target = {
  ...cluster,
  networkKey: readPrivateKey(cluster.networkKey),
  signer: readPrivateKey(cluster.signer),
}
const deeds = await Promise.all(
  victims.map((victim, index) =>
    besiege({ cluster: target, large }, victim, { who: `mallory-${index}`, signal: stop.signal }),
  ),
)
process.stdout.write(`${JSON.stringify(deeds)}\n`, () => process.exit(0))
