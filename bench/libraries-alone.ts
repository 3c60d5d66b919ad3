/** The libraries of a daemon, loaded and left idle: the baseline of `start.ts`. */
import { enableCompileCache } from 'node:module'

enableCompileCache()
await Promise.all([
  import('libp2p'),
  import('@libp2p/tcp'),
  import('@chainsafe/libp2p-noise'),
  import('@chainsafe/libp2p-yamux'),
  import('fastify'),
  import('lmdb'),
  import('pino'),
  import('smol-toml'),
  import('valibot'),
])
process.stdout.write('loaded\n')
setInterval(() => {}, 1000)
