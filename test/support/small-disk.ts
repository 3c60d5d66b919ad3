/** State directories on file systems of a few megabytes, in mount namespaces of their own. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ClusterNode } from '../integration/cluster.ts'

const PIECE_BYTES = 4_096

/** Mounts in a namespace of their own need root; a state directory without one cannot be made full. */
export const whyNoMounts = (): string | false =>
  process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0
    ? false
    : 'a file system of its own for a daemon cannot be mounted here (root and unshare are needed)'

/** Runs a daemon whose state directory is a file system of so many MiB that nobody else sees. */
export const onSmallDisk = (mebibytes: number): readonly string[] => [
  'unshare',
  '-m',
  'sh',
  '-c',
  'for last; do :; done; state=$(dirname "$last")/state; mkdir -p "$state" && ' +
    `mount -t tmpfs -o size=${mebibytes}m,mode=755 tmpfs "$state" && exec "$@"`,
  'sh',
]

/** A path of the daemon's state directory as the daemon sees it. */
export const inside = (node: ClusterNode, path: string): string =>
  join('/proc', String(node.pid), 'root', node.stateDir, path)

/** Fills the daemon's disk to the last page; answers with what makes room again. */
export const fillDisk = (node: ClusterNode): (() => void) => {
  const path = inside(node, 'ballast')
  const ballast = openSync(path, 'w')
  try {
    for (;;) writeSync(ballast, Buffer.alloc(PIECE_BYTES))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  } finally {
    closeSync(ballast)
  }
  return () => rmSync(path)
}
