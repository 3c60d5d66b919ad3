import { Command } from 'commander'
import { DEFAULT_CONFIG_PATH } from '../../config/index.ts'
import { MeshError } from '../../errors/index.ts'
import { connectFor, withDaemonOptions } from '../daemon.ts'
import { examineBootstrap } from '../doctor/bootstrap.ts'
import { examineClock } from '../doctor/clock.ts'
import { examineConfiguration, examineKeys } from '../doctor/configuration.ts'
import { expectedPeerId, withoutConfiguration } from '../doctor/configuration.ts'
import { examineDaemon } from '../doctor/daemon.ts'
import { examinePorts } from '../doctor/ports.ts'
import { examineSocket, examineState } from '../doctor/state.ts'
import { JSON_OPTION, printJson } from '../print.ts'
import { clean } from '../terminal.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { Finding, Severity } from '../doctor/finding.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends DaemonOptions, ReadOptions {
  readonly config?: string
}

const MARKS = { ok: 'ok', note: 'note', warning: 'warning', error: 'error' } as const
const STYLES = { ok: 'green', note: 'dim', warning: 'yellow', error: 'red' } as const

const examine = async (options: Options, context: Context): Promise<Finding[]> => {
  const path = options.config ?? (context.env.MESH_CONFIG || DEFAULT_CONFIG_PATH)
  const { clock, signal } = context
  const nowMs = clock.nowMs()
  const { findings: found, config, text, isAbsent } = await examineConfiguration(path)
  const peerId = config === undefined ? undefined : await expectedPeerId(config)
  const isNamed = options.config !== undefined
  const client = connectFor(config, isNamed, options, context)
  const told = await examineDaemon(client, { config, text, peerId, signal })
  // A daemon needs none: without, it runs with all defaults.
  const isEnough = isAbsent === true && !isNamed && told.status !== undefined
  const findings = isEnough ? [withoutConfiguration(path)] : found
  const rest =
    config === undefined
      ? []
      : await Promise.all([
          examineKeys(config, nowMs),
          examineState(config.stateDir),
          examineSocket(config.http.socketPath),
          examinePorts(
            config,
            { isRunning: told.status !== undefined, peers: told.peers },
            context,
          ),
          examineBootstrap(
            config,
            { peerId: told.status?.peerId ?? peerId, peers: told.peers },
            context,
          ),
        ])
  signal.throwIfAborted()
  return [...findings, ...rest.flat(), ...(await examineClock(nowMs, told.files)), ...told.findings]
}

const indent = (text: string): string => clean(text).trimEnd().replaceAll('\n', '\n           ')

/** What a finding is about, unless its message says so itself. */
const aboutOf = ({ subject, message }: Finding): string =>
  subject === '' || message.includes(subject) ? '' : `${subject}: `

const print = async (findings: readonly Finding[], { out }: Context): Promise<void> => {
  let last = ''
  for (const finding of findings) {
    const { check, severity, message, next } = finding
    if (check !== last) await out.line(out.style('bold', check))
    last = check
    const head = out.style(STYLES[severity], MARKS[severity].padEnd(7))
    await out.line(`  ${head}  ${indent(`${aboutOf(finding)}${message}`)}`)
    if (next !== '' && severity !== 'ok') await out.line(`           → ${indent(next)}`)
  }
}

const run = async (options: Options, context: Context): Promise<void> => {
  const findings = await examine(options, context)
  const count = (wanted: Severity): number =>
    findings.filter(({ severity }) => severity === wanted).length
  const [errors, warnings] = [count('error'), count('warning')]
  if (options.json === true) {
    await printJson(context, 'mesh-doctor/1', { ok: errors === 0, findings })
  } else {
    await print(findings, context)
    await context.out.line()
    if (errors + warnings === 0) {
      await context.out.line(context.out.style('green', 'Nothing is wrong.'))
    }
  }
  const first = findings.find(({ severity }) => severity === 'error')
  if (first === undefined) {
    if (warnings > 0 && options.json !== true) await context.out.line(`${warnings} to look at.`)
    return
  }
  const what = `${first.check}: ${aboutOf(first)}${first.message}`
  const message = errors === 1 ? `1 error: ${what}` : `${errors} errors, the first: ${what}`
  throw new MeshError('ERR_UNWELL', message, { data: { errors, warnings } })
}

export const doctorCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Looks for what keeps a node from working, whether its daemon runs or not: configuration, keys and their permissions, certificate, state directory, ports, bootstrap peers (DNS and a TCP connection to each), clock, and what the daemon itself finds wrong. The daemon asked is that of the configuration, unless --url or --socket names another. Changes nothing. Exits with 10 if something is.',
    )
    .option('-c, --config <path>', `configuration [$MESH_CONFIG; else ${DEFAULT_CONFIG_PATH}]`)
    .option(...JSON_OPTION)
    .action((options: Options) => run(options, context))
