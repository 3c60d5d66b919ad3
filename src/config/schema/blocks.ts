import * as v from 'valibot'
import { setting, size, table } from '../values.ts'

export const blocks = table({
  cache: v.pipe(
    v.optional(size(), '1GiB'),
    setting({
      type: 'size',
      about:
        'Room for blocks that no file here needs: those of content above `max_size` that was read here. What was asked for least, recent times counting more, makes way first. `"0B"`: keep none.',
    }),
  ),
  quota: v.pipe(
    v.optional(size(), '16GiB'),
    setting({
      type: 'size',
      about:
        'Room for all blocks that are stored as such, the cache included. Published files serve their own blocks and do not count; their lists of blocks do, with 36 bytes for each MiB. Beyond it, the cache makes way, and then a block is refused.',
    }),
  ),
  scrub_rate: v.pipe(
    v.optional(size(), '4MiB'),
    setting({
      type: 'size',
      about:
        'Bytes a second that the check in the background reads: once a week every stored block and every file that is made of blocks is compared with what was signed, and every tree (`unpack`) with its tar. What is damaged is put aside and fetched again. `"0B"`: only when `mesh blocks scrub` says so, and then without a pause.',
    }),
  ),
})
