/** Runs the real ssh-agent, and imitates ones that no real agent is. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { shortDirectory } from '../support/short-directory.ts'
import type { Socket } from 'node:net'
import type { Test } from 'tap'

const TIMEOUT_MS = 30_000

const missing = ['ssh-agent', 'ssh-add'].some(
  (program) => spawnSync(program, ['-?'], { timeout: TIMEOUT_MS }).error !== undefined,
)

/** For `t.test(title, { skip }, …)`. */
export const skip: string | false = missing && 'ssh-agent is not installed'

export interface RealAgent {
  readonly path: string
  /** Runs `ssh-add`; resolves to its exit code and what it printed. */
  add(
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): { code: number; output: string }
  /** Ends it, as a log-out does. */
  stop(): Promise<void>
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

const appeared = async (directory: string, path: string): Promise<void> => {
  const watcher = watch(directory)
  try {
    while (!existsSync(path)) await once(watcher, 'change')
  } finally {
    watcher.close()
  }
  // The socket is there a moment before anybody listens at it.
  while (!(await answers(path))) await new Promise(setImmediate)
}

export const startAgent = async (t: Test): Promise<RealAgent> => {
  const directory = shortDirectory(t)
  const path = join(directory, 'agent')
  const child = spawn('ssh-agent', ['-D', '-a', path], { stdio: 'ignore' })
  const ended = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill()
    await ended
  }
  t.teardown(stop)
  await appeared(directory, path)
  return {
    path,
    stop,
    add: (args, env = {}) => {
      const { status, stdout, stderr } = spawnSync('ssh-add', args, {
        env: { PATH: process.env.PATH, SSH_AUTH_SOCK: path, ...env },
        encoding: 'utf8',
        timeout: TIMEOUT_MS,
      })
      return { code: status ?? -1, output: `${stdout}${stderr}` }
    },
  }
}

/** Listens as an agent does, and lets `answer` deal with each request. */
export const imitateAgent = async (
  t: Test,
  answer: (request: Buffer, socket: Socket) => void,
): Promise<string> => {
  const path = join(shortDirectory(t), 'agent')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let received: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4) return
      const length = received.readUInt32BE()
      if (received.length >= 4 + length) answer(received.subarray(4, 4 + length), socket)
    })
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return path
}
