import { MAX_SOCKET_PATH_BYTES } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import type { DaemonAddress } from './types.ts'

/** Where and how requests go. */
export interface Target {
  readonly secure: boolean
  readonly options:
    | { readonly socketPath: string; readonly headers: { readonly Host: string } }
    | { readonly hostname: string; readonly port: string }
  /** Put before every path: `/mesh` behind a proxy. */
  readonly basePath: string
  /** For messages. */
  readonly shown: string
}

const parseUrl = (text: string): URL | undefined => {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

/** @throws MeshError `ERR_USAGE` */
export const toTarget = (address: DaemonAddress): Target => {
  if ('socketPath' in address) {
    const { socketPath } = address
    if (Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
      const message = `${socketPath} is longer than the ${MAX_SOCKET_PATH_BYTES} bytes that a socket's path may have; go there and name it by a shorter, relative path`
      throw new MeshError('ERR_USAGE', message)
    }
    return {
      secure: false,
      options: { socketPath, headers: { Host: 'localhost' } },
      basePath: '',
      shown: `unix:${socketPath}`,
    }
  }
  const url = parseUrl(address.url)
  const secure = url?.protocol === 'https:'
  const usable = url !== undefined && (secure || url.protocol === 'http:')
  if (!usable || url.username !== '' || url.search !== '' || url.hash !== '') {
    const message = `${JSON.stringify(address.url)} is not the URL of a daemon; write it as http://127.0.0.1:7331`
    throw new MeshError('ERR_USAGE', message)
  }
  return {
    secure,
    // Node wants an IPv6 address without its brackets.
    options: { hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: url.port },
    basePath: url.pathname.replace(/\/+$/, ''),
    shown: url.href.replace(/\/+$/, ''),
  }
}
