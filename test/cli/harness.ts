import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatPublicKey, privateKeyFromSeed, writePrivateKey } from '../../src/keys/index.ts'
import type { PrivateKey } from '../../src/keys/index.ts'

const start = join(import.meta.dirname, '../../src/cli/start.js')

const scratch = mkdtempSync(join(tmpdir(), 'mesh-cli-test-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
/** Compiled code of this test file's commands: the second one starts in half the time. */
const cache = join(scratch, 'compiled')
/** Where commands run that are not told where: what they leave in there goes with it. */
const nowhere = join(scratch, 'nowhere')
mkdirSync(nowhere)

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Called when the command is running, with what ends it early. */
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void) => void
}

const DEADLINE_MS = 120_000

/** Runs the command as people do: a process of its own, with nothing of this one's environment. */
export const mesh = (args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    const { cwd = nowhere, env = {}, input = '', onStart } = options
    const child = spawn(process.execPath, [start, ...args], {
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: cache, COLUMNS: '80', ...env },
      cwd,
      // Of its own session: nobody is at its terminal, whoever runs the tests.
      detached: true,
      timeout: DEADLINE_MS,
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk))
    child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, stdout, stderr }))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    onStart?.((signal) => child.kill(signal))
  })

/** A key that is the same in every run. */
export const keyOf = (byte: number): PrivateKey => privateKeyFromSeed(new Uint8Array(32).fill(byte))

export const publicText = (byte: number): string =>
  formatPublicKey(keyOf(byte).publicKey, 'openssh')

/** Writes a private key file into `directory` and gives its path. */
export const writeKey = (directory: string, byte: number, passphrase?: string): string => {
  const path = join(directory, `${byte}.key`)
  writeFileSync(path, writePrivateKey(keyOf(byte), { format: 'openssh', passphrase }))
  chmodSync(path, 0o600)
  return path
}
