/** Two Syncthing daemons on loopback that know nobody but each other. */
import { execFile } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from '../test/integration/cluster.ts'
import { isThere, PATIENCE_MS } from './fleet.ts'
import { end, startUntil } from './process.ts'
import type { AddressInfo } from 'node:net'
import type { Started } from './process.ts'

const execute = promisify(execFile)
const FOLDER = 'bench'
const KEY = 'mesh-bench'

/** `undefined`: there is none on this machine. */
export const syncthingVersion = async (): Promise<string | undefined> => {
  try {
    const { stdout } = await execute('syncthing', ['--version'])
    return /syncthing v(\S+)/.exec(stdout)?.[1] ?? 'of an unknown version'
  } catch {
    return undefined
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

interface Side {
  readonly home: string
  readonly files: string
  readonly id: string
  readonly apiPort: number
  readonly port: number
}

const prepare = async (directory: string, name: string): Promise<Side> => {
  const home = join(directory, name)
  const files = join(directory, `${name}-files`)
  mkdirSync(join(files, '.stfolder'), { recursive: true })
  await execute('syncthing', ['generate', `--home=${home}`, '--no-default-folder'])
  const { stdout } = await execute('syncthing', [`--home=${home}`, '--device-id'])
  return { home, files, id: stdout.trim(), apiPort: await freePort(), port: await freePort() }
}

/** Everything that would leave this machine is off: discovery, relays, port mapping, reports, upgrades. */
const configure = (own: Side, other: Side): void => {
  const device = ({ id, port }: Side): string =>
    `<device id="${id}" name="${port}" compression="never"><address>tcp://127.0.0.1:${port}</address></device>`
  writeFileSync(
    join(own.home, 'config.xml'),
    `<configuration version="35">
  <folder id="${FOLDER}" label="${FOLDER}" path="${own.files}" type="sendreceive" rescanIntervalS="0" fsWatcherEnabled="false" ignorePerms="false" autoNormalize="true">
    <device id="${own.id}"></device><device id="${other.id}"></device>
  </folder>
  ${device(own)}${device(other)}
  <gui enabled="true" tls="false"><address>127.0.0.1:${own.apiPort}</address><apikey>${KEY}</apikey></gui>
  <options>
    <listenAddress>tcp://127.0.0.1:${own.port}</listenAddress>
    <globalAnnounceEnabled>false</globalAnnounceEnabled>
    <localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled>
    <natEnabled>false</natEnabled>
    <stunServer></stunServer>
    <startBrowser>false</startBrowser>
    <reconnectionIntervalS>1</reconnectionIntervalS>
    <urAccepted>-1</urAccepted>
    <urSeen>9999</urSeen>
    <crashReportingEnabled>false</crashReportingEnabled>
    <autoUpgradeIntervalH>0</autoUpgradeIntervalH>
  </options>
</configuration>
`,
  )
}

const ask = async (side: Side, path: string, method = 'GET'): Promise<unknown> => {
  const response = await fetch(`http://127.0.0.1:${side.apiPort}/rest/${path}`, {
    method,
    headers: { 'X-API-Key': KEY },
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`Syncthing: ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

const start = async (side: Side): Promise<Started> => {
  const started = await startUntil('GUI and API listening', 'syncthing', [
    'serve',
    `--home=${side.home}`,
    '--no-browser',
    '--no-restart',
    '--no-upgrade',
  ])
  return started
}

export interface SyncthingPair {
  /** Moves the file at `path` into the one's folder, and waits until it is complete at the other. */
  move(path: string, name: string): Promise<{ totalSeconds: number; transferSeconds: number }>
  stop(): Promise<void>
}

export const startSyncthing = async (directory: string): Promise<SyncthingPair> => {
  const from = await prepare(directory, 'from')
  const to = await prepare(directory, 'to')
  configure(from, to)
  configure(to, from)
  const daemons = [await start(from), await start(to)]
  const isConnected = async (): Promise<boolean> =>
    JSON.stringify(await ask(from, 'system/connections')).includes('"connected":true')
  await until('the two to be connected', isConnected)
  return {
    async move(path, name) {
      const target = join(to.files, name)
      const { size } = statSync(path)
      await rename(path, join(from.files, name))
      const beganMs = performance.now()
      // Answers when the folder has been scanned: the daemon has hashed all of it.
      await ask(from, `db/scan?folder=${FOLDER}`, 'POST')
      const scannedMs = performance.now()
      // It has this name when it is complete and fsynced; before it is .syncthing.NAME.tmp.
      await until('the other to have it', () => isThere(target), PATIENCE_MS)
      const endedMs = performance.now()
      if (statSync(target).size !== size) throw new Error('cut short')
      return {
        totalSeconds: (endedMs - beganMs) / 1000,
        transferSeconds: (endedMs - scannedMs) / 1000,
      }
    },
    async stop() {
      for (const daemon of daemons) await end(daemon)
    },
  }
}
