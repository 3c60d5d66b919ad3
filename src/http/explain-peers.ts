import { formatSize } from '../util/index.ts'
import { MAX_UNREACHABLE_SHOWN } from './limits.ts'
import type { ReasonBody } from '../api/index.ts'
import type { Reach } from './services.ts'

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

/** As its certificate calls it, which people know; else its id. */
const callIt = ({ peerId, name }: { readonly peerId: string; readonly name: string | null }) =>
  name ?? peerId

/** What a connected peer is called. */
export const callPeer = ({ peers }: Reach, peerId: string): string =>
  callIt(peers.find((each) => each.peerId === peerId) ?? { peerId, name: null })

/** What is known of the others, for whoever waits for something from them. */
export const aboutPeers = ({ peers, unreachable }: Reach): ReasonBody[] => {
  const reasons: ReasonBody[] = []
  if (peers.length === 0) {
    reasons.push({ code: 'no-peers', message: 'this node is connected to no peer' })
  } else {
    const wanting = peers.filter(({ wants }) => wants === true).length
    const open = peers.filter(({ wants }) => wants === null).length
    const unsure = open === 0 ? '' : `, ${plural(open, 'peer')} did not say yet`
    const message = `${wanting} of ${plural(peers.length, 'connected peer')} want this file${unsure}`
    const alone = peers.length === 1 && wanting === 1
    reasons.push({
      code: 'peers',
      message: alone ? 'the one connected peer wants this file' : message,
    })
  }
  for (const each of unreachable.slice(0, MAX_UNREACHABLE_SHOWN)) {
    const why =
      each.lastError === null ? 'is not connected' : `cannot be reached: ${each.lastError}`
    reasons.push({ code: 'peer-unreachable', message: `${callIt(each)} ${why}` })
  }
  const more = unreachable.length - MAX_UNREACHABLE_SHOWN
  if (more > 0) {
    const message = `${plural(more, 'more peer')} ${more === 1 ? 'is' : 'are'} not connected`
    reasons.push({ code: 'peer-unreachable', message })
  }
  return reasons
}

export const nextAboutPeers = ({ peers }: Reach): string[] =>
  peers.length === 0 ? ['see mesh peers, and cluster.bootstrap_peers in the configuration'] : []

/** Where missing content is: on its way, with somebody, or nowhere. */
export const aboutContent = ({ peers, lastError, arriving }: Reach): ReasonBody => {
  if (arriving !== undefined) {
    const { doneBytes, totalBytes, bytesPerSecond } = arriving
    const message = `${formatSize(doneBytes)} of ${formatSize(totalBytes)} are here, ${formatSize(bytesPerSecond)}/s come in`
    return { code: 'content-arriving', message }
  }
  const holders = peers.filter(({ offersContent }) => offersContent)
  const from =
    holders.length === 0
      ? 'no connected peer says that it has the content'
      : `offered by ${holders.map(callIt).join(', ')}`
  const failed = lastError === undefined ? '' : `; the last attempt: ${lastError}`
  return { code: 'content-missing', message: `${from}${failed}` }
}
