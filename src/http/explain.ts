import { formatPublicKey } from '../keys/index.ts'
import { isReservedName } from '../statement/index.ts'
import { CERTIFICATES_FILE, HEARTBEAT_FILE, REVOKED_FILE } from '../trust/index.ts'
import { formatSize, formatTimestamp } from '../util/index.ts'
import { versionBody } from './bodies.ts'
import { aboutContent, aboutPeers, callPeer, nextAboutPeers } from './explain-peers.ts'
import { aboutPattern, aboutUncovered, nextUncovered } from './explain-patterns.ts'
import type { ExplainBody, ReasonBody } from '../api/index.ts'
import type { FileExplanation, FileRecord, FileView, Refusal } from '../files/index.ts'
import type { PublicKey } from '../keys/index.ts'
import type { FileName } from '../statement/index.ts'
import type { HttpServices, Reach } from './services.ts'

/** Everything that is known when a name is explained. */
interface Facts {
  readonly name: FileName
  readonly view: FileView
  readonly explanation: FileExplanation
  readonly reach: Reach
  readonly warnings: ReturnType<HttpServices['warnings']>
}

type Explainer = (facts: Facts) => Pick<ExplainBody, 'answer' | 'reasons' | 'next'>

const reason = (code: string, message: string): ReasonBody => ({ code, message })

const showKeys = (keys: readonly PublicKey[]): string =>
  keys.map((key) => formatPublicKey(key, 'openssh')).join(', ')

const signersOf = ({ signed }: FileRecord): string =>
  showKeys(signed.signatures.map(({ key }) => key))

const versionOf = ({ winner }: FileView): string =>
  winner === undefined ? 'no version' : `version ${winner.signed.statement.version}`

/** What was refused and would otherwise be the answer to why a version is not here. */
const aboutRefusals = ({ view, explanation, reach }: Facts): ReasonBody[] =>
  explanation.refusals.flatMap((refusal) => {
    const current = view.winner?.signed.statement.version ?? 0
    const late = refusal.code === 'ERR_FILE_NOT_NEWER'
    // What was mended since is no reason any more.
    if (!late && (refusal.version < current || wasMended(refusal, view))) return []
    return [reason(REFUSED[refusal.code] ?? 'refused', refusalText(refusal, reach))]
  })

/** Whether the very version is here since, as when the signature that was missing has come. */
const wasMended = ({ version, atMs }: Refusal, { winner, shownAtMs }: FileView): boolean =>
  version === winner?.signed.statement.version && shownAtMs !== undefined && atMs <= shownAtMs

const REFUSED: Readonly<Record<string, string>> = {
  ERR_FILE_SIGNER_NOT_ALLOWED: 'signer-refused',
  ERR_FILE_THRESHOLD: 'below-threshold',
  ERR_FILE_CERTIFICATE: 'certificate-refused',
  ERR_CERTIFICATE_REVOKED: 'signer-revoked',
  ERR_FILE_NOT_NEWER: 'not-newer',
  ERR_FILE_BELOW_MINIMUM: 'too-old',
  ERR_FILE_TOO_LARGE: 'too-large',
  ERR_FILE_TOO_MANY: 'too-many',
  ERR_FILE_EXPIRED: 'expired',
  ERR_FILE_NOT_CONFIGURED: 'not-configured',
  ERR_SIGNATURE_INVALID: 'signature-invalid',
  ERR_FILE_CONTENT_MISMATCH: 'content-mismatch',
}

const refusalText = ({ message, from, atMs, signers }: Refusal, reach: Reach): string => {
  const who = from.kind === 'upload' ? 'an upload' : `peer ${callPeer(reach, from.peer)}`
  const by = `signed by ${showKeys(signers)}`
  return `refused from ${who} at ${new Date(atMs).toISOString()}, ${by}: ${message}`
}

const NEXT: Readonly<Record<string, string>> = {
  'signer-refused': 'add the signer to the configuration, or sign with a key that is in it',
  'below-threshold': 'pass the .stmt file on to further signers: mesh file sign x.stmt --key …',
  'certificate-refused': 'upload with --certificate, and see that the network key is configured',
  'signer-revoked':
    'what a revoked node signs counts nowhere; if it was revoked by mistake: mesh certificate revoke NODE --undo --network-key …',
  'tree-refused': 'sign another tar, as a higher version: mesh file update',
  'not-newer': 'sign a version above the current one; mesh file update does so by itself',
  'too-many': 'raise max_files of the pattern',
  'pattern-full': 'raise max_files of the pattern',
}

const nextAboutRefusals = (reasons: readonly ReasonBody[]): string[] => [
  ...new Set(reasons.flatMap(({ code }) => NEXT[code] ?? [])),
]

const aboutSetAside = ({ explanation }: Facts): ReasonBody[] =>
  explanation.setAside.map(({ version, signers, why }) => {
    const [code, text] = SET_ASIDE[why]
    return reason(code, `version ${version} is here, signed by ${showKeys(signers)}, ${text}`)
  })

const SET_ASIDE = {
  signers: ['set-aside', 'which is not enough by the configuration of now'],
  revoked: ['signer-revoked', 'which a network key has revoked (_mesh/revoked)'],
  expiry: ['expiry-refused', 'with an expiry that no delete signer has set'],
} as const

const aboutConflict = ({ name, view }: Facts): ReasonBody[] =>
  view.conflict
    ? [
        reason(
          'conflict',
          `${versionOf(view)} was signed more than once; see mesh file history ${name}`,
        ),
      ]
    : []

const aboutFallback = ({ view }: Facts): ReasonBody[] =>
  view.fallbackShown === true
    ? [reason('fallback-shown', `its fallback ${view.policy.fallbackPath} is shown meanwhile`)]
    : []

const aboutMeanwhile = ({ view }: Facts): ReasonBody[] =>
  view.shownMeanwhile === undefined
    ? []
    : [
        reason(
          'older-shown',
          `version ${view.shownMeanwhile.signed.statement.version} is shown meanwhile`,
        ),
      ]

const aboutDamage = ({ name, warnings }: Facts): ReasonBody[] =>
  warnings
    .filter(({ code, subject }) => subject === name && DAMAGE.includes(code))
    .map(({ code, message }) => reason(code === 'file-damaged' ? 'damaged' : code, message))

const DAMAGE = [
  'file-damaged',
  'content-faulty',
  'fallback-unusable',
  'tree-refused',
  'tree-failed',
  'tree-altered',
  'hook-failed',
]

const aboutStaleness = ({ warnings }: Facts): ReasonBody[] =>
  warnings.flatMap(({ code, message }) => (code === 'stale' ? [reason(code, message)] : []))

/** Whether something newer may have passed this node by. */
const aboutNews = ({ reach }: Facts): ReasonBody[] =>
  reach.peers.length === 0 ? aboutPeers(reach) : []

/** Reasons that go with every answer. */
const common = (facts: Facts): ReasonBody[] => [
  ...aboutMeanwhile(facts),
  ...aboutFallback(facts),
  ...aboutDamage(facts),
  ...aboutConflict(facts),
  ...aboutSetAside(facts),
  ...aboutRefusals(facts),
  ...aboutPattern(facts.explanation, facts.view),
  ...aboutStaleness(facts),
]

/** The network's own files are made by commands of their own. */
const PUBLISH: ReadonlyMap<FileName, string> = new Map([
  [CERTIFICATES_FILE, 'mesh certificate renew NODE --network-key …'],
  [HEARTBEAT_FILE, 'mesh network heartbeat --network-key …'],
  [REVOKED_FILE, 'mesh certificate revoke NODE --network-key …'],
])

const publishWith = (name: FileName): string =>
  PUBLISH.get(name) ?? `mesh file update PATH --name ${name} --key …`

const none: Explainer = (facts) => {
  const reasons = [...common(facts), ...aboutPeers(facts.reach)]
  const { refusals, setAside } = facts.explanation
  const hasArrived = refusals.length + setAside.length > 0
  return {
    answer: `${facts.name} ${hasArrived ? 'is not here: nothing that arrived for it may be shown' : whyEmpty(facts, reasons)}`,
    reasons,
    next: [
      ...nextAboutRefusals(reasons),
      ...(hasArrived ? [] : [`publish it: ${publishWith(facts.name)}`]),
      ...nextAboutPeers(facts.reach),
    ],
  }
}

/** No more than a node can know that forgets with its process what it refused. */
const whyEmpty = ({ explanation }: Facts, reasons: readonly ReasonBody[]): string => {
  const known = 'nothing for it is kept here, and no refusal remembered since the daemon started'
  return reasons.some(({ code }) => code === 'pattern-full')
    ? `is not here: ${known}; ${explanation.selector} is full for some of its signers`
    : `is configured and waits for its first delivery: ${known}`
}

const missing: Explainer = (facts) => {
  const { reach, view, name, warnings } = facts
  if (warnings.some(({ code, subject }) => code === 'content-faulty' && subject === name)) {
    return {
      answer: `${versionOf(view)} of ${name} contradicts itself: nobody can have its content`,
      reasons: common(facts),
      next: [`have it signed again, as a higher version: ${publishWith(name)}`],
    }
  }
  const content = aboutContent(reach)
  const isArriving = content.code === 'content-arriving'
  return {
    answer: isArriving
      ? `${versionOf(view)} of ${name} is known, and its content is on its way`
      : `${versionOf(view)} of ${name} is known, but its content has not arrived yet`,
    reasons: [content, ...common(facts), ...aboutPeers(reach)],
    next: [
      ...nextAboutPeers(reach),
      isArriving
        ? 'wait: mesh transfers --watch shows it come in'
        : 'start a node that has it, or upload the same version again with its content',
    ],
  }
}

const tooLarge: Explainer = (facts) => {
  const { view, name } = facts
  const content = view.winner?.signed.statement.content
  const size = content === undefined || content === 'deleted' ? 0 : content.sizeBytes
  const [has, may] = [formatSize(size), formatSize(view.policy.maxSizeBytes)]
  if (size <= view.policy.maxSizeBytes) {
    return {
      answer: `${versionOf(view)} of ${name} is too large to go without a block list: ${has}`,
      reasons: common(facts),
      next: ['sign the content again with mesh file update, which makes a block list'],
    }
  }
  return {
    answer: `${versionOf(view)} of ${name} is too large for this node: ${has}, and max_size is ${may}`,
    reasons: common(facts),
    next: [
      `read it out of the nodes that keep it, a range of it even: mesh file get ${name}`,
      'to keep it here, raise max_size of this file and reload the configuration',
    ],
  }
}

const tooOld: Explainer = (facts) => {
  const { view, name } = facts
  return {
    answer: `${versionOf(view)} of ${name} is below the min_version ${view.policy.minVersion} of this node, and nothing newer has arrived`,
    reasons: [...common(facts), ...aboutPeers(facts.reach)],
    next: ['publish a higher version, or lower min_version', ...nextAboutPeers(facts.reach)],
  }
}

const deleted: Explainer = (facts) => {
  const { view, name } = facts
  const by = view.winner === undefined ? '' : ` by ${signersOf(view.winner)}`
  const at = view.winner === undefined ? 0 : view.winner.signed.statement.time
  return {
    answer: `${name} was deleted${by}: ${versionOf(view)} of ${new Date(at).toISOString()} says so`,
    reasons: [...common(facts), ...aboutNews(facts)],
    next: [
      `a signer may publish over it: ${publishWith(name)}`,
      `mesh file history ${name} says whether an older version is still here to be restored`,
      ...nextAboutPeers(facts.reach),
    ],
  }
}

const expired: Explainer = (facts) => {
  const { view, name } = facts
  const { statement, certificate } = view.winner?.signed ?? {}
  const own = statement?.expires ?? 'never'
  const end = certificate?.certificate.expires
  const byCertificate = end !== undefined && (own === 'never' || end < own)
  const at = byCertificate ? end : own
  const when =
    at === undefined || at === 'never' ? 'at a time unknown' : `at ${formatTimestamp(at)}`
  return {
    answer: byCertificate
      ? `${name} expired with the certificate of the node that signed it, ${when}`
      : `${versionOf(view)} of ${name} expired ${when}`,
    reasons: [...common(facts), ...aboutNews(facts)],
    next: [
      byCertificate
        ? 'renew the certificate; the node then uploads the file again with it'
        : `publish a version that ends later, or never: ${publishWith(name)}`,
      ...nextAboutPeers(facts.reach),
    ],
  }
}

const shown: Explainer = (facts) => {
  const { view, name } = facts
  const since =
    view.shownAtMs === undefined ? '' : ` since ${new Date(view.shownAtMs).toISOString()}`
  const by = view.winner === undefined ? '' : `, signed by ${signersOf(view.winner)}`
  const reasons = [...common(facts), ...aboutNews(facts)]
  return {
    answer: `${name} is here: ${versionOf(view)} is shown${since}${by}`,
    reasons,
    next: [...nextAboutRefusals(reasons), ...nextAboutPeers(facts.reach)],
  }
}

const explainers: Readonly<Record<FileView['state'], Explainer>> = {
  ...{ none, missing, deleted, expired, shown },
  'too-large': tooLarge,
  'too-old': tooOld,
}

const refusalBody = ({ version, code, message, signers, from, atMs }: Refusal) => ({
  ...{ version, code, message },
  signers: signers.map((key) => formatPublicKey(key, 'openssh')),
  from: from.kind === 'upload' ? 'upload' : from.peer,
  at: new Date(atMs).toISOString(),
})

const notConfigured = (
  name: FileName,
  explanation: FileExplanation,
  reach: Reach,
): Pick<ExplainBody, 'answer' | 'reasons' | 'next'> => ({
  answer: `${name} is not among the files that this node is configured for`,
  reasons: [
    ...aboutUncovered(name, explanation),
    ...aboutNearest(explanation),
    ...explanation.refusals.map((refusal) => reason('not-configured', refusalText(refusal, reach))),
  ],
  next: [nextToConfigure(name, explanation)],
})

const aboutNearest = ({ nearest, notCovered }: FileExplanation): ReasonBody[] =>
  nearest === undefined || nearest === notCovered?.selector
    ? []
    : [reason('nearest', `the configured name that is most like it is ${nearest}`)]

const nextToConfigure = (name: FileName, explanation: FileExplanation): string => {
  if (isReservedName(name)) {
    return PUBLISH.has(name)
      ? 'set network.keys: a network without them has no files of its own'
      : 'take another name: those that begin with "_mesh" are reserved for mesh itself'
  }
  const add = `add it to [files] in the configuration: "${name}" = ["<public key>"], and reload`
  return nextUncovered(name, explanation) ?? add
}

/** Why a name is as it is, in words, with everything they were made from. */
export const explain = (services: HttpServices, name: FileName): ExplainBody => {
  const explanation = services.files.explain(name)
  const view = services.files.view(name)
  const reach = services.reach(name)
  const rest = { name, peers: reach.peers, refusals: explanation.refusals.map(refusalBody) }
  if (view === undefined) {
    const words = notConfigured(name, explanation, reach)
    return { ...rest, ...words, state: 'not-configured', policy: null, current: null }
  }
  const { policy, state, winner } = view
  const facts = { name, view, explanation, reach, warnings: services.warnings() }
  const toText = (key: PublicKey): string => formatPublicKey(key, 'openssh')
  return {
    ...rest,
    ...explainers[state](facts),
    state,
    policy: {
      selector: policy.name,
      signers: policy.signers.map(toText),
      threshold: policy.threshold ?? 1,
      deleteSigners: (policy.deleteSigners ?? []).map(toText),
    },
    current: winner === undefined ? null : versionBody(winner),
  }
}
