import { isMeshError } from '../errors/index.ts'
import { isAddress } from './interfaces.ts'
import type { Health, Logger } from '../observe/index.ts'
import type { FindAddresses } from './interfaces.ts'

const MISSING = 'http-interface-missing'
const FAILED = 'http-listen-failed'

/** Keeps listeners on what interfaces have. */
export interface InterfaceWatch {
  /** Whether there is anything to watch. */
  readonly isNeeded: boolean
  /**
   * Listens where it should and ends what it should not. `strict`: an address that is there and cannot
   * be listened on is an error, as at the start; later it is a health warning, and tried again.
   *
   * @throws MeshError `ERR_LISTEN_FAILED`
   */
  check(options: { readonly strict: boolean }): Promise<void>
}

export const createInterfaceWatch = (
  components: {
    readonly find: FindAddresses
    readonly health: Pick<Health, 'raise' | 'clear'>
    readonly logger: Pick<Logger, 'info'>
    /** Answers what ends it. @throws MeshError `ERR_LISTEN_FAILED` */
    listen(address: string): Promise<() => Promise<void>>
  },
  { entries }: { readonly entries: readonly string[] },
): InterfaceWatch => {
  const { find, health, logger, listen } = components
  const names = entries.filter((entry) => !isAddress(entry))
  const fixed = new Set(entries.filter(isAddress))
  const open = new Map<string, () => Promise<void>>()

  const wanted = async (): Promise<ReadonlySet<string>> => {
    const found = new Set<string>()
    for (const name of names) {
      const addresses = await find(name)
      for (const address of addresses) if (!fixed.has(address)) found.add(address)
      if (addresses.length > 0) health.clear(MISSING, name)
      else {
        const message = `http.listen names the interface ${name}, which is not there or has no address; the API listens on it as soon as it has one`
        health.raise({ code: MISSING, subject: name, severity: 'warning', message })
      }
    }
    return found
  }

  const begin = async (address: string, strict: boolean): Promise<void> => {
    try {
      open.set(address, await listen(address))
      health.clear(FAILED, address)
      logger.info({ address }, 'listening for HTTP on an address of an interface')
    } catch (error) {
      if (strict || !isMeshError(error, 'ERR_LISTEN_FAILED')) throw error
      const { message } = error
      health.raise({ code: FAILED, subject: address, severity: 'warning', message })
    }
  }

  return {
    isNeeded: names.length > 0,
    async check({ strict }) {
      const addresses = await wanted()
      for (const [address, end] of open) {
        if (addresses.has(address)) continue
        open.delete(address)
        logger.info({ address }, 'an interface has lost an address; no longer listening on it')
        await end()
      }
      for (const address of addresses) if (!open.has(address)) await begin(address, strict)
    },
  }
}
