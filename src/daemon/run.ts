import { DEFAULT_CONFIG_PATH } from '../config/index.ts'
import { toMeshError } from '../errors/index.ts'
import { createLogger } from '../observe/index.ts'
import { systemClock, systemRandom } from '../util/index.ts'
import { createConfigSource } from './config-source.ts'
import { createDaemon } from './daemon.ts'
import { daemonExit, exitCodeOf } from './exit-code.ts'
import { keepHeapSmall } from './heap.ts'
import { asErrors, createDaemonOutput } from './journal-output.ts'
import { createNotifier } from './systemd.ts'
import type { Config } from '../config/index.ts'
import type { Logger } from '../observe/index.ts'
import type { ConfigSource } from './config-source.ts'
import type { Daemon, DaemonAddresses } from './daemon.ts'
import type { Notifier } from './systemd.ts'

/** Time for a graceful stop; then the process ends as it is, which a crash-safe state survives. */
export const STOP_DEADLINE_MS = 10_000

export interface RunInit {
  /**
   * Configuration file, which has to be there.
   * @default that of the machine, or all defaults where that does not exist
   */
  readonly configPath?: string | undefined
  /**
   * That of the machine.
   * @default /etc/mesh/dm.toml
   */
  readonly usualPath?: string | undefined
}

const complain = (error: unknown): void => {
  process.stderr.write(asErrors(`mesh: ${toMeshError(error).message}\n`, process.env))
}

/**
 * Applies the configuration again when it is asked to: not before the start is done, and once more
 * when it is asked while it runs.
 */
const createReloader = (
  { daemon, notifier, logger }: { daemon: Daemon; notifier: Notifier; logger: Logger },
  source: ConfigSource,
) => {
  let status: (() => string) | undefined
  let running = false
  let wanted = false
  const work = async (status: () => string): Promise<void> => {
    running = true
    while (wanted) {
      wanted = false
      logger.info({}, 'reading the configuration again')
      await notifier.reloading()
      await daemon.reload(() => source.load())
      await notifier.ready(status())
    }
    running = false
  }
  const next = (): void => {
    if (status !== undefined && wanted && !running) void work(status)
  }
  return {
    request(): void {
      wanted = true
      next()
    },
    started(as: () => string): void {
      status = as
      next()
    },
  }
}

const describe = ({ http, cluster }: DaemonAddresses): string =>
  `serving ${[...http, ...cluster].join(' ')}`

/** What is wrong first: that is what `systemctl status` is asked for. */
const withHealth = (addresses: string, { health }: Daemon): string => {
  const codes = [...new Set(health.list().map(({ code }) => code))]
  return codes.length === 0 ? `well; ${addresses}` : `${codes.join(', ')}; ${addresses}`
}

/** Runs from start to stop; answers the exit code. */
const live = async (
  components: { daemon: Daemon; notifier: Notifier; logger: Logger },
  source: ConfigSource,
): Promise<number> => {
  const { daemon, notifier, logger } = components
  const ended = Promise.withResolvers<number>()
  let endingWith: number | undefined
  const reloader = createReloader(components, source)

  const end = async (code: number, why: string): Promise<void> => {
    if (endingWith !== undefined) return
    endingWith = code
    logger.info({ why }, 'stopping')
    // Even a stop that hangs ends: this fires as long as anything keeps the process alive.
    systemClock.schedule(STOP_DEADLINE_MS + 1_000, () => process.exit(code))
    const told = notifier.stopping()
    const fine = await daemon.stop({ deadlineMs: STOP_DEADLINE_MS })
    logger.info({ graceful: fine }, 'stopped')
    // A stop can be over before the service manager has heard of it.
    await told
    ended.resolve(code)
  }

  const onSignal = (signal: 'SIGTERM' | 'SIGINT', code: number) => (): void => {
    // Somebody who asks twice does not want to wait.
    if (endingWith !== undefined) process.exit(code)
    void end(daemonExit.ok, signal)
  }
  const onDefect = (error: unknown): void => {
    logger.fatal({ error }, 'a defect of mesh; stopping')
    void end(daemonExit.software, 'a defect')
  }
  const handlers = {
    SIGTERM: onSignal('SIGTERM', 143),
    SIGINT: onSignal('SIGINT', 130),
    SIGHUP: reloader.request,
    uncaughtException: onDefect,
    unhandledRejection: onDefect,
  }
  for (const [event, handler] of Object.entries(handlers)) process.on(event, handler)
  let serving: string | undefined
  const status = () => (serving === undefined ? undefined : withHealth(serving, daemon))
  const stopWatchdog = notifier.startWatchdog(status)
  try {
    const addresses = await daemon.start()
    logger.info({ ...addresses }, 'ready')
    serving = describe(addresses)
    await notifier.ready(serving)
    reloader.started(() => withHealth(describe(addresses), daemon))
    return await ended.promise
  } catch (error) {
    if (endingWith !== undefined) return endingWith
    logger.fatal({ error }, 'the daemon could not start')
    complain(error)
    await notifier.failed(toMeshError(error).message)
    return exitCodeOf(error)
  } finally {
    stopWatchdog()
    for (const [event, handler] of Object.entries(handlers)) process.off(event, handler)
  }
}

/**
 * Runs a daemon until it is told to stop (SIGTERM, SIGINT), and answers the exit code; the caller
 * exits with it. Why it could not start is told on standard error.
 */
export const runDaemon = async ({
  configPath,
  usualPath = DEFAULT_CONFIG_PATH,
}: RunInit = {}): Promise<number> => {
  keepHeapSmall()
  const { env: environment } = process
  const clock = systemClock
  const destination = createDaemonOutput(environment)
  const source = createConfigSource({
    path: configPath ?? usualPath,
    isNamed: configPath !== undefined,
  })
  let config: Config
  try {
    config = await source.load()
  } catch (error) {
    complain(error)
    const logger = createLogger({ level: 'info', destination })
    await createNotifier({ logger, clock }, { environment }).failed(toMeshError(error).message)
    return exitCodeOf(error)
  }
  const logger = createLogger({ level: config.logLevel, destination })
  const daemon = createDaemon({ config, clock, random: systemRandom, logger })
  const notifier = createNotifier({ logger, clock }, { environment })
  return live({ daemon, notifier, logger }, source)
}
