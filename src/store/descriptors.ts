import { open, readdir, readFile } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

const CLOSE_ON_EXEC = 0o2_000_000

/** Of this process: what a program that is run now would have open, too, beside its standard streams. */
const findInherited = async (): Promise<number[]> => {
  // A system without this has none of our libraries that leave any open.
  const open = await readdir('/proc/self/fdinfo').catch(() => [])
  const inherited: number[] = []
  for (const each of open) {
    const fd = Number(each)
    if (!(fd > 2)) continue
    const text = await readFile(`/proc/self/fdinfo/${each}`, 'utf8').catch(() => '')
    const flags = /^flags:\s+([0-7]+)$/m.exec(text)?.[1]
    if (flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) !== 0) continue
    inherited.push(fd)
  }
  return inherited
}

/** Descriptors of a program from 3 on, as `spawn` takes them; to be closed when it runs. */
export interface Blinds {
  readonly stdio: readonly ('ignore' | number)[]
  close(): Promise<void>
}

/**
 * For whoever runs a program: puts nothing in the place of each descriptor that it would inherit. LMDB
 * leaves its data file open over exec, for writing; a hook that gives up the rights of the daemon would
 * keep that, and a program that does not end would hold on to a database that was put aside.
 */
export const createBlinds = async (): Promise<Blinds> => {
  const inherited = new Set(await findInherited())
  if (inherited.size === 0) return { stdio: [], close: async () => {} }
  const nothing: FileHandle = await open('/dev/null', 'r')
  const count = Math.max(...inherited) - 2
  const stdio = Array.from({ length: count }, (_, index) =>
    inherited.has(index + 3) ? nothing.fd : ('ignore' as const),
  )
  return { stdio, close: () => nothing.close() }
}
