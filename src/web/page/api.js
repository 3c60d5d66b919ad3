/**
 * The daemon's HTTP API, and nothing else. The token is sent in a header field, kept for this tab, and
 * never part of an address.
 */

/**
 * @import {
 *   EventBody, ExplainBody, FilesBody, GapBody, HealthBody, HistoryBody, PeersBody, ProblemBody,
 *   PublicStatusBody, SpreadBody, StatusBody, StreamStartBody, TransfersBody
 * } from '../../api/index.ts'
 */

const TOKEN = 'mesh-token'
/** Longer answers than this page can show are not read to their end by anybody. */
const REQUEST_TIMEOUT_MS = 20_000

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  /** @param {string} value */
  set: (value) => sessionStorage.setItem(TOKEN, value),
  forget: () => sessionStorage.removeItem(TOKEN),
}

/** What the daemon answered when it did not do what was asked. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {Partial<ProblemBody>} body
   */
  constructor(status, body) {
    super(typeof body.detail === 'string' ? body.detail : `the daemon answered with ${status}`)
    this.status = status
    this.code = typeof body.code === 'string' ? body.code : ''
  }
}

/** @returns {Record<string, string>} */
const credentials = () => {
  const value = token.get()
  return value === null ? {} : { Authorization: `Bearer ${value}` }
}

/**
 * @param {string} path
 * @param {{ accept: string, signal: AbortSignal }} options
 */
const request = async (path, { accept, signal }) => {
  const response = await fetch(path, {
    headers: { Accept: accept, ...credentials() },
    signal,
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  })
  if (response.ok || response.headers.get('Content-Type')?.startsWith('application/json')) {
    return response
  }
  throw new Problem(response.status, await response.json().catch(() => ({})))
}

/**
 * @template T
 * @param {string} path
 * @returns {Promise<T>}
 */
const get = async (path) => {
  const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  return (await request(path, { accept: 'application/json', signal })).json()
}

/** @param {string} name */
const encodeName = (name) => name.split('/').map(encodeURIComponent).join('/')

export const api = {
  /** @returns {Promise<StatusBody | PublicStatusBody>} */
  status: () => get('/status'),
  /** Answered with 503 if there is an error, which is no failure of asking. @returns {Promise<HealthBody>} */
  health: () => get('/healthz'),
  /** @returns {Promise<PeersBody>} */
  peers: () => get('/peers'),
  /** @returns {Promise<FilesBody>} */
  files: () => get('/files'),
  /** @returns {Promise<TransfersBody>} */
  transfers: () => get('/transfers'),
  /**
   * @param {string | null} after
   * @returns {Promise<SpreadBody>}
   */
  spread: (after) => get(after === null ? '/spread' : `/spread?after=${encodeURIComponent(after)}`),
  /**
   * @param {string} name
   * @returns {Promise<HistoryBody>}
   */
  history: (name) => get(`/history/${encodeName(name)}`),
  /**
   * @param {string} name
   * @returns {Promise<ExplainBody>}
   */
  explain: (name) => get(`/explain/${encodeName(name)}`),
}

/**
 * One stream of server-sent events, read by hand: an EventSource cannot send a header field. Ends when
 * the stream does, or when nothing was heard for `silenceMs`.
 *
 * @param {{
 *   cursor: string | null,
 *   silenceMs: number,
 *   onEvent: (event: EventBody | GapBody | StreamStartBody) => void,
 * }} options
 */
export const readEvents = async ({ cursor, silenceMs, onEvent }) => {
  const controller = new AbortController()
  let timer = setTimeout(() => controller.abort(), silenceMs)
  const path = cursor === null ? '/events' : `/events?cursor=${encodeURIComponent(cursor)}`
  try {
    const response = await request(path, { accept: 'text/event-stream', signal: controller.signal })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (;;) {
      const piece = await reader?.read()
      if (piece === undefined || piece.done) return
      clearTimeout(timer)
      timer = setTimeout(() => controller.abort(), silenceMs)
      const blocks = (rest + piece.value).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = block
          .split('\n')
          .filter((line) => line.startsWith('data: '))
          .map((line) => line.slice(6))
        if (data.length > 0) onEvent(JSON.parse(data.join('\n')))
      }
    }
  } finally {
    clearTimeout(timer)
    controller.abort()
  }
}
