/**
 * A file system of a few megabytes as the state directory of a daemon process. Nobody else sees it, and
 * it is there for as long as the test, whatever becomes of the daemon. Needs root, unshare and nsenter;
 * where they are missing `whyNoMounts` of small-disk.ts says so.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from './namespaces.ts'

/** Whose state directory it is. */
interface Owner {
  readonly stateDir: string
}

export interface LastingDisk {
  /** Runs a daemon with its state directory on this disk. */
  readonly machine: Machine
  /** A path of the state directory, for us. */
  inside(owner: Owner, path: string): string
  /** Leaves no room for a single page. */
  fill(owner: Owner): void
  makeRoom(owner: Owner): void
  /** Removes everything on it. */
  empty(owner: Owner): void
  /** Makes the whole disk read-only, or not any more; only while nobody writes to it. */
  setReadOnly(owner: Owner, isReadOnly: boolean): void
  /** The same for some of its directories; what is open there stays open. */
  setDirectoriesReadOnly(owner: Owner, directories: readonly string[], isReadOnly: boolean): void
  /** Gives it up. */
  remove(): Promise<void>
}

const BALLAST = 'ballast'
const PAGE_BYTES = 4_096

/** The first daemon mounts it: only its last argument, the configuration, says where. */
const MOUNT_AND_RUN =
  'for last; do :; done; state=$(dirname "$last")/state; mkdir -p "$state" && ' +
  '{ mountpoint -q "$state" || mount -t tmpfs -o size=6m,mode=755 tmpfs "$state"; } && exec "$@"'

export const createLastingDisk = async (): Promise<LastingDisk> => {
  // Holds the mounts; ends with its input, so with us.
  const holder = spawn('unshare', ['-m', 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  const pid = String(holder.pid)
  const enter = ['nsenter', '-t', pid, '-m']
  const among = (...command: readonly string[]): void => {
    const [program = '', ...args] = [...enter, ...command]
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`)
  }
  const inside: LastingDisk['inside'] = ({ stateDir }, path) =>
    join('/proc', pid, 'root', stateDir, path)
  return {
    machine: {
      address: '127.0.0.1',
      prefix: [...enter, 'sh', '-c', MOUNT_AND_RUN, 'sh'],
    },
    inside,
    fill(owner) {
      const ballast = openSync(inside(owner, BALLAST), 'a')
      try {
        for (;;) writeSync(ballast, Buffer.alloc(PAGE_BYTES))
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
      } finally {
        closeSync(ballast)
      }
    },
    makeRoom: (owner) => rmSync(inside(owner, BALLAST), { force: true }),
    empty(owner) {
      for (const name of readdirSync(inside(owner, ''))) {
        rmSync(inside(owner, name), { recursive: true, force: true })
      }
    },
    setReadOnly: ({ stateDir }, isReadOnly) =>
      among('mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, stateDir),
    setDirectoriesReadOnly({ stateDir }, directories, isReadOnly) {
      for (const directory of directories) {
        const path = join(stateDir, directory)
        if (!isReadOnly) among('umount', path)
        else {
          among('mkdir', '-p', path)
          among('mount', '--bind', path, path)
          among('mount', '-o', 'remount,bind,ro', path)
        }
      }
    },
    async remove() {
      const ended = once(holder, 'exit')
      holder.kill('SIGKILL')
      await ended
    },
  }
}
