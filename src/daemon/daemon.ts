import { join } from 'node:path'
import { createBlockServices } from './blocks.ts'
import { createDisk, lockStateDirectory } from '../disk/index.ts'
import { toMeshError } from '../errors/index.ts'
import { createFeed } from '../feed/index.ts'
import { createHooks } from '../hooks/index.ts'
import { createFindAddresses, createHttp } from '../http/index.ts'
import { createHealth, createMetrics, createWorkers } from '../observe/index.ts'
import { createBlinds, createLmdbStore } from '../store/index.ts'
import { createLibp2pTransport, createMembership } from '../transport/index.ts'
import { checkOwnCertificate } from './certificate-watch.ts'
import { watchEventLoop } from './event-loop-watch.ts'
import { keepEvents } from './events.ts'
import { loadIdentity } from './identity.ts'
import { createLifecycle } from './lifecycle.ts'
import { daemonMetrics } from './metrics.ts'
import { createNode } from './node.ts'
import { createPreview } from './preview.ts'
import { checkNewCertificate, takeOver, warnOfRestart } from './reload.ts'
import {
  checkStateDirectory,
  makeStateDirectory,
  warnOfDamage,
  warnOfSuspicion,
} from './state-directory.ts'
import { createSpread } from './spread.ts'
import { createStatus, warningBodies } from './status.ts'
import { readTokens } from './tokens.ts'
import { chooseCertificate, readTrust } from './trust.ts'
import { createTrustFiles, keptRevocations, trustPolicies, withRevoked } from './trust-files.ts'
import { createUnpack } from '../unpack/index.ts'
import { createKeyedLock } from '../util/index.ts'
import { readVersion } from './version.ts'
import { keepTransferEvents } from './transfer-events.ts'
import type { Config } from '../config/index.ts'
import type { NodeCertificate } from '../keys/index.ts'
import type { Health, Logger } from '../observe/index.ts'
import type { RevocationList } from '../trust/index.ts'
import type { Clock, Random } from '../util/index.ts'
import type { Change } from './reload.ts'
import type { Trust } from './trust.ts'

/** How often certificate and state directory are looked at. */
const HEALTH_CHECK_INTERVAL_MS = 60_000
/** For undoing what a failing start had begun. */
const UNDO_DEADLINE_MS = 5_000

export interface DaemonComponents {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** Where a daemon can be reached. */
export interface DaemonAddresses {
  /** URLs of the HTTP API. */
  readonly http: readonly string[]
  readonly socket: string
  /** Multiaddrs with our peer id. */
  readonly cluster: readonly string[]
}

/** What a reload did. */
export interface ReloadReport {
  /** Whether the new configuration is in force; else the old one still is, and health says why. */
  readonly applied: boolean
  /** Keys of the configuration that differ and need a restart. */
  readonly restartNeeded: readonly string[]
}

/** A node of the mesh. */
export interface Daemon {
  readonly health: Health
  /** Starts everything, or nothing: what a failing start had begun is undone. */
  start(): Promise<DaemonAddresses>
  /** Ends everything within `deadlineMs`; a start under way is cancelled. Answers whether all went well. */
  stop(options: { deadlineMs: number }): Promise<boolean>
  /** Puts a configuration in force, as far as that goes without a restart. */
  reload(load: () => Promise<Config>): Promise<ReloadReport>
}

interface Running {
  /** Why a new configuration would cost this node its place. @throws MeshError */
  check(config: Config, trust: Trust): void
  /** Takes over what may change. */
  apply(config: Config, trust: Trust): Promise<void>
}

/** What a configuration asks for while these are revoked, and what every node of the network wants. */
const policiesFor = ({ files, network }: Config, revoked: RevocationList | undefined) => [
  ...files.map((policy) => withRevoked(policy, revoked)),
  ...trustPolicies(network.keys),
]

const hooksOf = ({ hooks, stateDir }: Config) => ({
  ...hooks,
  filesDirectory: join(stateDir, 'files'),
  treesDirectory: join(stateDir, 'trees'),
})

/** All parts of a node, joined. Read `build` from top to bottom to know the daemon. */
export const createDaemon = ({ config, clock, random, logger }: DaemonComponents): Daemon => {
  const health = createHealth({ clock, logger: logger.child('health') })
  const feed = createFeed({ clock, random })
  const workers = createWorkers({ clock, random, logger: logger.child('workers') })
  const controller = new AbortController()
  const lifecycle = createLifecycle({ clock, logger }, { signal: controller.signal })
  let phase: 'starting' | 'ready' | 'stopping' = 'starting'
  let inForce = config
  let running: Running | undefined
  let stopping: Promise<boolean> | undefined

  const build = async (): Promise<DaemonAddresses> => {
    const { stateDir, network, cluster, http: listen } = config
    const { enter, run } = lifecycle
    const child = (name: string) => ({ clock, random, logger: logger.child(name), workers, health })

    const watch = () => watchEventLoop({ clock, health, logger })
    await enter('event loop watch', watch, (end) => end())
    await enter('state directory', () => makeStateDirectory(stateDir))
    const lock = () => lockStateDirectory(stateDir)
    await enter('lock', lock, (held) => held.release())
    const disk = createDisk(stateDir)
    await enter('disk', () => disk.open())
    const storePath = join(stateDir, 'store')
    const store = createLmdbStore(
      { path: storePath, clock },
      {
        onDamage: (damage) => warnOfDamage({ health, logger }, { path: storePath, ...damage }),
        onSuspicion: (error) => warnOfSuspicion({ health }, storePath, error),
        onRenewal: (renewal) => logger.warn(renewal, 'deaths in a row: the database was copied'),
      },
    )
    await run('store', { start: () => store.open(), stop: () => store.close() })

    const own = () => loadIdentity(network.identityKeyPath, { random })
    const { identity } = await enter('identity', own)
    let trust = await enter('trust', () => readTrust(network))
    let tokens = await enter('tokens', () => readTokens(listen))
    let certificate: NodeCertificate | undefined
    const ownCheck = () => ({
      network: network.id,
      networkKeys: inForce.network.keys,
      key: identity.publicKey,
      nowMs: clock.nowMs(),
      checkRevoked: trustFiles.checkRevoked,
    })
    const ownCertificate = () => chooseCertificate(trust.certificate, trustFiles.own(), ownCheck())
    const checkHealth = async (): Promise<void> => {
      const own = { ...ownCheck(), certificate: ownCertificate() }
      certificate = checkOwnCertificate({ health, clock }, own)
      await checkStateDirectory(stateDir, { health })
    }
    /** Puts in force who belongs to the network now, and what we show of ourselves. */
    const takeNewTrust = async (): Promise<void> => {
      const own = ownCertificate()
      const shown = typeof own === 'string' ? own : undefined
      const { known, checkRevoked, keyRevoked } = trustFiles
      const { network: id, networkKeys } = ownCheck()
      transport.setMembership(
        createMembership(
          { clock },
          { network: id, networkKeys, certificate: shown, known, checkRevoked, keyRevoked },
        ),
      )
      await checkHealth()
      const fromMesh = shown !== undefined && shown !== trust.certificate
      if (fromMesh && certificate !== undefined) await trustFiles.keepOwn(shown)
      await takeNewRevoked()
    }
    const readRevoked = () =>
      keptRevocations(
        { store, logger: logger.child('trust') },
        { network: network.id, networkKeys: network.keys },
      )
    let revoked = await enter('revocations', readRevoked)
    const policiesOf = (config: Config) => policiesFor(config, revoked)
    // One at a time, or a configuration that has just been replaced could be put in force again.
    const reloads = createKeyedLock()
    /** What the revoked have published goes out of sight, and comes back with their right. */
    const takeNewRevoked = (): Promise<void> =>
      reloads.run('policies', async () => {
        if (trustFiles.revocations() === revoked) return
        revoked = trustFiles.revocations()
        await node.reload(policiesOf(inForce))
      })
    // Nobody is let in before the trust files have been read, which puts another in its place.
    const membership = createMembership(
      { clock },
      { network: network.id, networkKeys: network.keys },
    )

    await enter(
      'workers',
      () => workers,
      () => workers.stop(),
    )
    const transport = createLibp2pTransport(
      { ...child('transport'), identity, membership },
      { ...cluster, psks: trust.psks },
    )
    const node = createNode(
      { clock, random, logger, workers, health, disk, store, transport },
      { ...cluster, network: network.id, policies: policiesOf(config), blocks: config.blocks },
    )
    const { files, blocks, sync, peering } = node
    const unpack = createUnpack(
      { ...child('unpack'), logger, files },
      { stateDir, verifyBytesPerSecond: config.blocks.scrubBytesPerSecond },
    )
    const tell = () => keepEvents({ files, transport, health, unpack }, { feed })
    await enter('events', tell, (end) => end())
    const trustFiles = createTrustFiles(
      { ...child('trust'), files, store },
      {
        network: network.id,
        key: identity.publicKey,
        networkKeys: () => inForce.network.keys,
        onChange: () => takeNewTrust(),
      },
    )
    for (const { name, part } of node.parts) {
      // Before the first peer can come in, it has to be known who is revoked.
      if (part === transport) await run('trust files', trustFiles)
      await run(name, part)
    }

    await run('unpack', unpack)
    await enter('health checks', checkHealth)
    const check = () => takeNewRevoked().then(checkHealth)
    workers.add({ name: 'health-checks', intervalMs: HEALTH_CHECK_INTERVAL_MS, run: check })

    const checkPlace = (next: Config, nextTrust: Trust): void => {
      // Who has no place has none to lose, and may be given one by what it reads now.
      if (certificate === undefined && inForce.network.keys.length > 0) return
      const check = { ...ownCheck(), networkKeys: next.network.keys }
      const own = chooseCertificate(nextTrust.certificate, trustFiles.own(), check)
      checkNewCertificate(next, { ...nextTrust, certificate: own }, check)
    }

    const status = createStatus({
      ...{ version: readVersion(), networkId: network.id, certificate: () => certificate },
      ...{ clock, health, workers, files, blocks, transport, peering, sync, trustFiles },
      ...{ ownCertificate, urls: () => http.urls() },
      networkKeys: () => inForce.network.keys,
    })
    keepTransferEvents({ sync, files, workers }, { feed })
    const spread = createSpread({ files, sync, peering })
    await run('spread', spread)
    const hooks = createHooks(
      {
        ...{ ...child('hooks'), files, store, trees: unpack, environment: process.env },
        isRoot: process.getuid?.() === 0,
      },
      hooksOf(config),
    )
    const metrics = createMetrics()
    const warnings = () => warningBodies(health)
    const sources = { ...status, hooks, sync, blocks, workers, warnings, transport }
    for (const metric of daemonMetrics(sources)) metrics.add(metric)
    const http = createHttp(
      {
        ...{ ...child('http'), ...status, ...spread, files, metrics, warnings },
        blocks: createBlockServices(blocks, unpack),
        openElsewhere: sync.open,
        ...{ events: feed, tokens: () => tokens, networkId: network.id },
        findAddresses: createFindAddresses({ createBlinds, path: process.env.PATH }),
        preview: createPreview({
          ...{ files, policiesOf, inForce: () => inForce },
          async check(next) {
            // Whoever may ask must not learn by it what is in files that only the daemon may read.
            const { certificatePath } = next.network
            if (certificatePath !== inForce.network.certificatePath) return
            checkPlace(next, await readTrust(inForce.network))
          },
        }),
        phase: () => phase,
      },
      listen,
    )
    await run('http', http)
    // What they run may ask us.
    await run('hooks', hooks)
    await run('peering', peering)

    running = {
      check: checkPlace,
      async apply(next, nextTrust) {
        const nextTokens = await readTokens(next.http)
        await reloads.run('policies', async () => {
          await node.reload(policiesOf(next))
          unpack.refresh()
          trust = nextTrust
          tokens = nextTokens
          inForce = next
        })
        hooks.configure(hooksOf(next))
        sync.setBandwidth(next.cluster.bandwidth)
        await trustFiles.refresh()
        await takeNewTrust()
        transport.setPsks(nextTrust.psks)
        logger.setLevel(next.logLevel)
      },
    }
    return { http: http.urls(), socket: listen.socketPath, cluster: transport.addresses() }
  }

  const reload = async (load: () => Promise<Config>): Promise<ReloadReport> => {
    if (running === undefined) return { applied: false, restartNeeded: [] }
    let change: Change
    try {
      change = takeOver(inForce, await load())
      const trust = await readTrust(change.config.network)
      running.check(change.config, trust)
      await running.apply(change.config, trust)
    } catch (error) {
      const { message } = toMeshError(error)
      logger.error({ error }, 'the new configuration is bad; the old one stays in force')
      health.raise(
        {
          code: 'config-reload-failed',
          subject: config.path,
          severity: 'warning',
          message: `the old configuration stays in force: ${message}`,
        },
        { isLogged: true },
      )
      feed.add({ type: 'configuration-reloaded', applied: false, restartNeeded: [] }, 'local')
      return { applied: false, restartNeeded: [] }
    }
    const restartNeeded = [...change.waiting]
    feed.add({ type: 'configuration-reloaded', applied: true, restartNeeded }, 'local')
    health.clear('config-reload-failed', config.path)
    logger.info({ restartNeeded: change.waiting }, 'the new configuration is in force')
    warnOfRestart({ health }, config.path, change.waiting)
    return { applied: true, restartNeeded: change.waiting }
  }

  const stop = (deadlineMs: number): Promise<boolean> => {
    stopping ??= (async () => {
      phase = 'stopping'
      running = undefined
      controller.abort()
      return lifecycle.leave(deadlineMs)
    })()
    return stopping
  }

  return {
    health,
    async start() {
      try {
        const addresses = await build()
        phase = 'ready'
        return addresses
      } catch (error) {
        await stop(UNDO_DEADLINE_MS)
        throw error
      }
    },
    stop: ({ deadlineMs }) => stop(deadlineMs),
    reload,
  }
}
