import { spawn } from 'node:child_process'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { ALTNAME_TIMEOUT_MS, MAX_ALTNAME_CHARACTERS } from './limits.ts'

/** Answers the addresses of a network interface by its name; none: it is not there, or has none. */
export type FindAddresses = (name: string) => Promise<readonly string[]>

/** What is written in the configuration as an address, rather than as an interface. */
export const isAddress = (entry: string): boolean => isIP(entry) !== 0 || entry === 'localhost'

/** An address that only has a meaning together with its interface is of no use in a URL. */
const isLinkLocal = (address: string): boolean => /^fe[89ab]/i.test(address)

const addressesOf = (name: string): string[] =>
  Object.entries(networkInterfaces())
    .flatMap(([each, addresses = []]) => (each === name ? addresses : []))
    .map(({ address }) => address)
    .filter((address) => !isLinkLocal(address))

/** What keeps a program that is run from inheriting what this process has open; to be closed when it runs. */
export interface Blinds {
  /** From descriptor 3 on. */
  readonly stdio: readonly ('ignore' | number)[]
  close(): Promise<void>
}

export interface FindAddressesComponents {
  createBlinds(): Promise<Blinds>
  /** Where `ip` is looked for. */
  readonly path: string | undefined
}

/** All that a program writes; empty if it cannot be run, fails, or takes too long. */
const outputOf = async (
  command: readonly string[],
  { createBlinds, path }: FindAddressesComponents,
): Promise<string> => {
  const [program = '', ...given] = command
  const blinds = await createBlinds()
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(program, given, {
        stdio: ['ignore', 'pipe', 'ignore', ...blinds.stdio],
        ...{ env: { PATH: path }, killSignal: 'SIGKILL' },
        // `timeout` would hold the process where the program is not there.
        signal: AbortSignal.timeout(ALTNAME_TIMEOUT_MS),
      })
      let text = ''
      child.once('error', reject)
      child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
        if (text.length <= MAX_ALTNAME_CHARACTERS) return
        child.stdout?.destroy()
        child.kill('SIGKILL')
      })
      // What it has started itself would hold the pipe.
      child.once('exit', (code) => code !== 0 && child.stdout?.destroy())
      child.once('close', (code) => resolve(code === 0 ? text : ''))
    })
  } finally {
    await blinds.close()
  }
}

/** Node knows no alternative names of interfaces; iproute2 does. */
const nameBehind = async (
  altname: string,
  components: FindAddressesComponents,
): Promise<string | undefined> => {
  try {
    const command = ['ip', '-json', 'link', 'show', 'dev', altname]
    const found: unknown = JSON.parse(await outputOf(command, components))
    const [first]: unknown[] = Array.isArray(found) ? found : []
    if (typeof first !== 'object' || first === null || !('ifname' in first)) return undefined
    return typeof first.ifname === 'string' ? first.ifname : undefined
  } catch {
    return undefined
  }
}

export const createFindAddresses =
  (components: FindAddressesComponents): FindAddresses =>
  async (name) => {
    const direct = addressesOf(name)
    if (direct.length > 0) return direct
    const behind = await nameBehind(name, components)
    return behind === undefined ? [] : addressesOf(behind)
  }
