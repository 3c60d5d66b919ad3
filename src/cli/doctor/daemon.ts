import { isMeshError } from '../../errors/index.ts'
import { readVersion } from '../program.ts'
import { reporter } from './finding.ts'
import { holderOf } from './state.ts'
import type { Config } from '../../config/index.ts'
import type { FileBody, PeerBody, PublicStatusBody, StatusBody } from '../../api/index.ts'
import type { Client } from '../../client/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Finding } from './finding.ts'

/** What a running daemon tells. */
export interface Told {
  readonly findings: Finding[]
  /** `undefined`: none answers. */
  readonly status: StatusBody | PublicStatusBody | undefined
  readonly peers: readonly PeerBody[] | undefined
  readonly files: readonly FileBody[]
}

/** `undefined` where the daemon does not tell. */
const ask = async <T>(request: Promise<T>): Promise<T | undefined> => {
  try {
    return await request
  } catch (error) {
    if (isMeshError(error) && error.code !== 'ERR_ABORTED') return undefined
    throw error
  }
}

const silent = async (error: Error, config: Config | undefined): Promise<Told> => {
  const report = reporter('daemon')
  const holder = config === undefined ? undefined : await holderOf(config.stateDir)
  const finding =
    holder === undefined
      ? report(
          'warning',
          '',
          `is not running: ${error.message}`,
          'systemctl start mesh, or mesh server',
        )
      : report(
          'error',
          '',
          `the process ${holder} holds ${config?.stateDir}, but does not answer: ${error.message}`,
          'is --url or --socket right, and may this user use it? journalctl -u mesh',
        )
  return { findings: [finding], status: undefined, peers: undefined, files: [] }
}

const compare = (status: StatusBody | PublicStatusBody, config: Config | undefined): Finding[] => {
  const report = reporter('daemon')
  const findings: Finding[] = []
  const own = readVersion()
  if (status.version !== own) {
    const message = `is version ${status.version}, and this command is ${own}`
    findings.push(report('warning', '', message, 'restart the daemon after an upgrade'))
  }
  if (config !== undefined && status.networkId !== config.network.id) {
    const message = `is in the network ${status.networkId}, and ${config.path} says ${config.network.id}`
    const next = 'is it another daemon (--socket, --config)? else restart it'
    findings.push(report('error', '', message, next))
  }
  return findings
}

/** A daemon that answers and is not the one of the configuration: nothing it says is about this node. */
const another = (
  { peerId }: StatusBody | PublicStatusBody,
  { path }: Config,
  address: string,
): Told => {
  const message = `is another node, ${peerId}, than the certificate of ${path} is for`
  const next =
    'name its own with --socket, or leave $MESH_SOCKET and $MESH_URL out; else restart it'
  const finding = reporter('daemon')('error', address, message, next)
  return { findings: [finding], status: undefined, peers: undefined, files: [] }
}

/** What the daemon itself finds wrong, and whether it runs with what is on the disk now. */
const examineHealth = async (
  client: Client,
  status: StatusBody,
  {
    config,
    text,
    signal,
  }: { config: Config | undefined; text: string | undefined; signal: AbortSignal },
): Promise<Finding[]> => {
  const report = reporter('daemon')
  const findings = status.health.map(({ code, subject, severity, message }) =>
    report(severity, subject === '' ? code : `${code} ${subject}`, message, 'mesh status'),
  )
  if (config === undefined || text === undefined) return findings
  const preview = await ask(client.preview(text, { signal }))
  if (preview === undefined) return findings
  if (preview.refused !== null) {
    findings.push(
      report(
        'error',
        config.path,
        `would not be taken by a reload: ${preview.refused}`,
        `mesh config check --running ${config.path}`,
      ),
    )
  } else if (preview.restartNeeded.length > 0) {
    const message = `has changed since the daemon started: ${preview.restartNeeded.join(', ')}`
    findings.push(report('warning', config.path, message, 'systemctl restart mesh'))
  } else if (preview.changes.length > 0) {
    const message = `has changed since it was read: ${preview.changes.length} files`
    const next = `mesh config check --running ${config.path}, then systemctl reload mesh`
    findings.push(report('warning', config.path, message, next))
  }
  return findings
}

export const examineDaemon = async (
  client: Client,
  given: {
    config: Config | undefined
    text: string | undefined
    peerId: PeerId | undefined
    signal: AbortSignal
  },
): Promise<Told> => {
  const { signal, config, peerId } = given
  const report = reporter('daemon')
  let status: StatusBody | PublicStatusBody
  try {
    status = await client.status({ signal })
  } catch (error) {
    if (!isMeshError(error) || error.code === 'ERR_ABORTED') throw error
    return silent(error, config)
  }
  if (config !== undefined && peerId !== undefined && status.peerId !== peerId) {
    return another(status, config, client.address)
  }
  const findings = compare(status, config)
  if ('startedAt' in status) findings.push(...(await examineHealth(client, status, given)))
  else {
    const next = 'run mesh doctor as root or in the group mesh, for its unix socket'
    findings.push(report('note', client.address, 'tells over TCP neither health nor peers', next))
  }
  if (!findings.some(({ severity }) => severity === 'error' || severity === 'warning')) {
    findings.push(report('ok', client.address, `answers, and is well (version ${status.version})`))
  }
  const peers = (await ask(client.peers({ signal })))?.peers
  const files = (await ask(client.files({ signal })))?.files ?? []
  return { findings, status, peers, files }
}
