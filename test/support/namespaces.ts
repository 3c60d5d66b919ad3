/**
 * A small network of its own for tests that cut cables: one namespace per machine, each with one
 * interface, all plugged into a switch in a namespace of its own. Nothing in it reaches anything
 * outside. Needs root and `ip`; where they are missing `whyNoNamespaces` says so and tests skip.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'

export interface Machine {
  /** Address inside the network. */
  readonly address: string
  /** Put before a command line, runs it on this machine. */
  readonly prefix: readonly string[]
}

export interface Network {
  readonly machines: readonly Machine[]
  /**
   * Splits the machines (by index) into groups that cannot reach each other; packets between groups
   * vanish, as when a cable is cut. `[[0, 1, 2]]` joins them again.
   */
  partition(groups: readonly (readonly number[])[]): void
  /** Removes everything. */
  remove(): void
}

const ip = (...args: readonly string[]): string =>
  execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 10_000 })

/** Why namespaces cannot be made here, or `false` if they can. */
export const whyNoNamespaces = (): string | false => {
  const name = `mesh-probe-${randomBytes(3).toString('hex')}`
  try {
    ip('netns', 'add', name)
    ip('-n', name, 'link', 'add', 'name', 'probe', 'type', 'bridge')
    return false
  } catch (error) {
    return `network namespaces cannot be made here (root and iproute2 are needed): ${error instanceof Error ? error.message.trim() : error}`
  } finally {
    try {
      ip('netns', 'del', name)
    } catch {
      // It was not made, or goes with the machine.
    }
  }
}

const MAX_GROUPS = 4

export const createNetwork = (count: number): Network => {
  const tag = `mesh-${randomBytes(3).toString('hex')}`
  const hub = `${tag}-hub`
  const made: string[] = []
  const addNamespace = (name: string): void => {
    ip('netns', 'add', name)
    made.push(name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
  }
  const remove = (): void => {
    for (const name of made.splice(0)) ip('netns', 'del', name)
  }
  try {
    addNamespace(hub)
    for (let group = 0; group < MAX_GROUPS; group++) {
      ip('-n', hub, 'link', 'add', 'name', `bridge${group}`, 'type', 'bridge')
      ip('-n', hub, 'link', 'set', `bridge${group}`, 'up')
    }
    const machines = Array.from({ length: count }, (_, index): Machine => {
      const name = `${tag}-${index}`
      const address = `10.77.0.${index + 1}`
      addNamespace(name)
      const end = ['peer', 'name', `port${index}`, 'netns', hub]
      ip('-n', name, 'link', 'add', 'name', 'eth0', 'type', 'veth', ...end)
      ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0')
      ip('-n', name, 'link', 'set', 'eth0', 'up')
      ip('-n', hub, 'link', 'set', `port${index}`, 'master', 'bridge0')
      ip('-n', hub, 'link', 'set', `port${index}`, 'up')
      return { address, prefix: ['ip', 'netns', 'exec', name] }
    })
    return {
      machines,
      partition(groups) {
        for (const [group, members] of groups.entries()) {
          for (const index of members) {
            ip('-n', hub, 'link', 'set', `port${index}`, 'master', `bridge${group}`)
          }
        }
      },
      remove,
    }
  } catch (error) {
    remove()
    throw error
  }
}
