/** Values as people read them. */

/** @param {string} peerId */
export const shortPeer = (peerId) => (peerId.length > 14 ? `…${peerId.slice(-8)}` : peerId)

/** @param {{ readonly peerId: string, readonly name: string | null }} peer */
export const peerName = ({ peerId, name }) => name ?? shortPeer(peerId)

/** @param {number} bytes */
export const size = (bytes) => {
  if (bytes < 1024) return `${bytes} B`
  for (const [unit, scale] of /** @type {const} */ ([
    ['KiB', 2 ** 10],
    ['MiB', 2 ** 20],
    ['GiB', 2 ** 30],
  ])) {
    const value = bytes / scale
    if (value < 1024 || unit === 'GiB') return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`
  }
  return `${bytes} B`
}

/** @param {string | null} iso */
export const clock = (iso) => {
  if (iso === null) return '–'
  const time = new Date(iso)
  if (Number.isNaN(time.getTime())) return iso
  const isToday = Math.abs(Date.now() - time.getTime()) < 20 * 3_600_000
  const day = isToday ? '' : `${iso.slice(0, 10)} `
  return `${day}${[time.getHours(), time.getMinutes(), time.getSeconds()]
    .map((each) => String(each).padStart(2, '0'))
    .join(':')}`
}

/**
 * The last part of a key: its beginning is the same for all of a kind.
 *
 * @param {string} key
 */
export const shortKey = (key) => `…${key.split(' ').at(1)?.slice(-10) ?? key.slice(-10)}`

/**
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`
