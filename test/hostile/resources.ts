/** What an attack costs its victim. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import type { ClusterNode } from '../integration/cluster.ts'

const LIMITS = readFileSync(join(import.meta.dirname, '../../docs/limits.md'), 'utf8')
/**
 * What others may add to the memory of a daemon at rest, at its peak, as docs/limits.md promises it. Much of
 * it is garbage that V8 has not collected yet (src/daemon/heap.ts) and freed memory that malloc keeps (bin/mesh).
 */
export const MAX_GROWTH_BYTES =
  Number(/at most (\d+) MiB above what it takes at rest/.exec(LIMITS)?.[1]) * 2 ** 20

/** The peak of a running process is counted from here on; Linux only. */
export const forgetPeak = ({ pid }: ClusterNode): void => {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Of a running process, in bytes, from its start on; Linux only. */
export const memoryOf = ({ pid }: ClusterNode): { nowBytes: number; peakBytes: number } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? Number.NaN) * 1024
  return { nowBytes: read('VmRSS'), peakBytes: read('VmHWM') }
}

/** The numbers of the processors that this process may use; Linux only. */
export const processors = (): number[] => {
  const status = readFileSync('/proc/self/status', 'utf8')
  const [, list = ''] = /^Cpus_allowed_list:\s+(\S+)$/m.exec(status) ?? []
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}

/** Has all threads of a process, and what they start, run on these processors from now on. */
export const runOn = (pid: number, numbers: readonly number[]): void => {
  const set = (): unknown =>
    execFileSync('taskset', ['-a', '-p', '-c', numbers.join(','), `${pid}`], { stdio: 'ignore' })
  try {
    set()
  } catch {
    // One of its threads has ended meanwhile.
    set()
  }
}

/** How long one read of a shown file takes. */
export const timeRead = ({ url }: ClusterNode, name: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const startMs = performance.now()
    request(new URL(`/files/${name}`, url), { agent: false }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - startMs)
        else reject(new Error(`${response.statusCode}`))
      })
    })
      .on('error', reject)
      .end()
  })

/** The value below which this share of them is. */
export const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? Number.NaN
