import { clientOf } from './client-rates.ts'
import type { Socket } from 'node:net'

/** Who has how many connections. */
export interface Holders {
  add(socket: Socket): void
  remove(socket: Socket): void
  /**
   * The newest connection of the client with most of them, if it has more than the one of `newcomer`:
   * neither would gain anything by coming again.
   */
  excess(newcomer: Socket): Socket | undefined
}

export const createHolders = (): Holders => {
  const clients = new Map<Socket, string>()
  const held = new Map<string, Set<Socket>>()
  return {
    add(socket) {
      const client = clientOf(socket.remoteAddress ?? '')
      clients.set(socket, client)
      const sockets = held.get(client) ?? new Set()
      held.set(client, sockets.add(socket))
    },
    remove(socket) {
      const client = clients.get(socket)
      if (client === undefined) return
      clients.delete(socket)
      const sockets = held.get(client)
      sockets?.delete(socket)
      if (sockets?.size === 0) held.delete(client)
    },
    excess(newcomer) {
      let most = held.get(clients.get(newcomer) ?? '') ?? new Set<Socket>()
      const own = most
      for (const sockets of held.values()) if (sockets.size > most.size) most = sockets
      return most === own ? undefined : [...most].at(-1)
    },
  }
}
