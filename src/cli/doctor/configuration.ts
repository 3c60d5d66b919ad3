import { access } from 'node:fs/promises'
import { checkConfig, readConfigFile } from '../../config/index.ts'
import { isMeshError, systemErrorCode } from '../../errors/index.ts'
import { MAX_CERTIFICATE_BYTES, parseCertificate, peerIdFromPublicKey } from '../../keys/index.ts'
import { formatTimestamp } from '../../util/index.ts'
import { checkSecrets } from '../config-secrets.ts'
import { readSmallFile } from '../content.ts'
import { relativeTime } from '../show.ts'
import { reporter } from './finding.ts'
import type { Config } from '../../config/index.ts'
import type { PeerId } from '../../keys/index.ts'
import type { Finding } from './finding.ts'

const DAY_MS = 24 * 3_600_000
/** As long before its end as the daemon's own health begins to warn. */
const CERTIFICATE_WARNING_MS = 14 * DAY_MS

/** Reads the configuration; without one, only a running daemon can be looked at. */
export const examineConfiguration = async (
  path: string,
): Promise<{
  readonly findings: Finding[]
  readonly config?: Config
  readonly text?: string
  readonly isAbsent?: boolean
}> => {
  const report = reporter('configuration')
  try {
    const text = await readConfigFile(path)
    const { problems, doubts, config } = checkConfig(text, { path })
    const findings = [
      ...problems.map(({ line, column, key, message }) =>
        report(
          'error',
          `${path}:${line}:${column}`,
          `${key} ${message}`.trim(),
          `mesh config check ${path}`,
        ),
      ),
      ...doubts.map((doubt) => report('warning', path, doubt)),
    ]
    if (config === undefined) return { findings, text }
    const count = config.files.length
    if (count === 0) {
      findings.push(
        report('note', path, 'no file is configured', 'add lines to [files]: name = [signers]'),
      )
    }
    if (findings.length === 0)
      findings.push(report('ok', path, `is good, with ${count} file${count === 1 ? '' : 's'}`))
    return { findings, config, text }
  } catch (error) {
    if (!isMeshError(error)) throw error
    const next = 'name the configuration with --config, or run as a user that may read it'
    const isAbsent = systemErrorCode(error.cause) === 'ENOENT'
    return { findings: [report('error', path, error.message, next)], isAbsent }
  }
}

const examineEnd = async (path: string, nowMs: number): Promise<Finding[]> => {
  const report = reporter('keys')
  const text = await readSmallFile(path, MAX_CERTIFICATE_BYTES).catch(() => undefined)
  if (text === undefined) return []
  try {
    const { name, issued, expires } = parseCertificate(text).certificate
    if (issued > nowMs) {
      const message = `was issued at ${formatTimestamp(issued)}, later than this machine's clock says now`
      return [report('error', path, message, 'set the clock (timedatectl), or issue it anew')]
    }
    const end = relativeTime(formatTimestamp(expires), nowMs)
    if (expires <= nowMs) return []
    return expires - nowMs < CERTIFICATE_WARNING_MS
      ? [report('warning', path, `"${name}" ends ${end}`, `mesh certificate renew ${name}`)]
      : [report('ok', path, `"${name}" ends ${end}`)]
  } catch (error) {
    if (isMeshError(error)) return []
    throw error
  }
}

/** Which node the configuration is of, as far as its certificate says. */
export const expectedPeerId = async ({ network }: Config): Promise<PeerId | undefined> => {
  if (network.certificatePath === undefined) return undefined
  try {
    const text = await readSmallFile(network.certificatePath, MAX_CERTIFICATE_BYTES)
    return peerIdFromPublicKey(parseCertificate(text).certificate.key)
  } catch {
    // The check of the keys says what is wrong with it.
    return undefined
  }
}

/** Where a daemon was found although there is no configuration in the usual place. */
export const withoutConfiguration = (path: string): Finding =>
  reporter('configuration')(
    'note',
    path,
    'is not there, so that only the daemon was looked at',
    'name the configuration with --config',
  )

/** Files that are named and not there; of them the notes below say less. */
const examineMissing = async ({ network }: Config): Promise<Finding[]> => {
  const report = reporter('keys')
  const isThere = (path: string): Promise<boolean> =>
    access(path).then(
      () => true,
      (error: unknown) => systemErrorCode(error) !== 'ENOENT',
    )
  const findings: Finding[] = []
  for (const path of network.pskPaths) {
    if (await isThere(path)) continue
    const message = 'is not there: the daemon does not start without its pre-shared key'
    findings.push(report('error', path, message, 'copy it from another node of the network'))
  }
  const { certificatePath: path } = network
  if (path !== undefined && !(await isThere(path))) {
    const message = 'is not there: nobody lets this node in without its certificate'
    const next = 'mesh certificate sign --key PEER_ID, where the network key is, and copy it here'
    findings.push(report('error', path, message, next))
  }
  return findings
}

/** Pre-shared keys, identity key and certificate: form, permissions, whether they fit together. */
export const examineKeys = async (config: Config, nowMs: number): Promise<Finding[]> => {
  const report = reporter('keys')
  const { network, path } = config
  const { findings, notes } = await checkSecrets(config, { nowMs })
  const missing = await examineMissing(config)
  const found = [
    ...missing,
    ...findings.map(({ path: at, message }) => {
      const [what = message, next = `mesh config check ${path}`] = message.split('; run: ')
      return report('error', at.join('.'), what, next)
    }),
    ...notes
      .filter(({ file }) => !missing.some(({ subject }) => subject === file))
      .map(({ message }) =>
        report('note', '', message, 'run mesh doctor as the daemon does: sudo -u mesh mesh doctor'),
      ),
  ]
  if (network.pskPaths.length === 0 && network.keys.length === 0) {
    const message = 'neither a pre-shared key nor network keys are configured: anybody may connect'
    found.push(report('warning', 'network', message, 'mesh generate psk, and set psk in [network]'))
  }
  if (network.keys.length > 0 && network.certificatePath === undefined) {
    const message = 'network keys are configured, and no certificate: nobody will let this node in'
    const next = 'mesh certificate sign --key PEER_ID, and set certificate in [network]'
    found.push(report('warning', 'network.certificate', message, next))
  }
  const ends =
    network.certificatePath === undefined ? [] : await examineEnd(network.certificatePath, nowMs)
  return found.length + ends.length > 0
    ? [...found, ...ends]
    : [report('ok', '', 'keys can be read by nobody but their owner, and fit together')]
}
