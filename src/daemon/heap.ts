import { setFlagsFromString } from 'node:v8'

/**
 * What is reachable may grow by this before garbage is collected; the bytes that pass through count as well. V8's
 * own factor lets a heap of 40 MiB grow to 130 before it looks, which an attack from outside makes it do. With 40 %
 * less memory is taken, but eight daemons that pass 2 GiB on take 180 s, where they take 112 with 150 %.
 */
const HEAP_GROWING_PERCENT = 80

/**
 * Has garbage collected while it is little. An engine that does not know a setting goes on without.
 *
 * One thread collects the young generation: it is so small (bin/mesh) that to wake others takes longer, most
 * of all where every processor is in use. Measured under siege, 95 % of reads within 8.2 ms instead of 9.3. For the
 * same reason that thread frees the buffers too: while content comes in, collecting takes a fifth less time.
 */
export const keepHeapSmall = (): void => {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  setFlagsFromString('--no-parallel-scavenge')
  setFlagsFromString('--no-concurrent-array-buffer-sweeping')
}
