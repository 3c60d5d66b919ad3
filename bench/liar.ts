/**
 * Loaded before a daemon, with MESH_BENCH_LIAR set: the daemon changes a byte in each piece of a block
 * that it sends. (One whose files are damaged would notice, and send nothing.)
 */
import { registerHooks } from 'node:module'

const MESSAGES = 'src/sync/blocks/messages.ts'
const HONEST = '.fixed(message.bytes)'
const LYING = '.fixed(message.bytes.map((byte, at) => (at === 7 ? byte ^ 1 : byte)))'

if (process.env.MESH_BENCH_LIAR === '1') {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.endsWith(MESSAGES) || loaded.source === undefined || loaded.source === null) {
        return loaded
      }
      const source = Buffer.from(loaded.source as Uint8Array).toString()
      // That of a piece of a block, which comes behind that of a piece of a list.
      const at = source.lastIndexOf(HONEST)
      if (at < 0) throw new Error(`${MESSAGES} sends blocks in another way; mend bench/liar.ts`)
      return { ...loaded, source: source.slice(0, at) + LYING + source.slice(at + HONEST.length) }
    },
  })
}
