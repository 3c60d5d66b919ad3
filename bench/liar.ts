/**
 * Loaded before a daemon, with MESH_BENCH_LIAR set: the daemon changes a byte in each piece of a block
 * that it sends. (One whose files are damaged would notice, and send nothing.)
 */
import { registerHooks } from 'node:module'

const ANSWERS = 'src/sync/blocks/answers.ts'
const HONEST = 'stream.send(encodePieceHead(message), message.bytes)'
const LYING =
  'stream.send(encodePieceHead(message), message.bytes.map((byte, at) => at === 7 ? byte ^ 1 : byte))'

if (process.env.MESH_BENCH_LIAR === '1') {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.endsWith(ANSWERS) || loaded.source === undefined || loaded.source === null) {
        return loaded
      }
      const source = Buffer.from(loaded.source as Uint8Array).toString()
      if (!source.includes(HONEST)) {
        throw new Error(`${ANSWERS} sends blocks in another way; mend bench/liar.ts`)
      }
      return { ...loaded, source: source.replace(HONEST, LYING) }
    },
  })
}
