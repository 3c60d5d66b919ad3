import { execFile } from 'node:child_process'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import { ALTNAME_TIMEOUT_MS } from './limits.ts'

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

const run = promisify(execFile)

/** Node knows no alternative names of interfaces; iproute2 does. */
const nameBehind = async (altname: string): Promise<string | undefined> => {
  try {
    const options = { timeout: ALTNAME_TIMEOUT_MS, env: { PATH: process.env.PATH } }
    const { stdout } = await run('ip', ['-json', 'link', 'show', 'dev', altname], options)
    const found: unknown = JSON.parse(stdout)
    const [first]: unknown[] = Array.isArray(found) ? found : []
    if (typeof first !== 'object' || first === null || !('ifname' in first)) return undefined
    return typeof first.ifname === 'string' ? first.ifname : undefined
  } catch {
    return undefined
  }
}

export const findAddresses: FindAddresses = async (name) => {
  const direct = addressesOf(name)
  if (direct.length > 0) return direct
  const behind = await nameBehind(name)
  return behind === undefined ? [] : addressesOf(behind)
}
