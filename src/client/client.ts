import { AFTER_PARAMETER, FORCE_PARAMETER, NAME_PARAMETER, routes } from '../api/index.ts'
import { CERTIFICATE_HEADER, SIGNATURE_HEADER, STATEMENT_HEADER } from '../api/index.ts'
import { PROBLEM_MEDIA_TYPE, STATEMENT_PARAMETER } from '../api/index.ts'
import { MeshError } from '../errors/index.ts'
import { systemClock, utf8 } from '../util/index.ts'
import { toTarget } from './address.ts'
import { NOW_PARAMETER } from '../api/index.ts'
import { readVerification } from './verify.ts'
import {
  blocksBody,
  blocksGcBody,
  certificatesBody,
  filesBody,
  healthBody,
  historyBody,
  peersBody,
  transfersBody,
} from './bodies/index.ts'
import { explainBody, previewBody, spreadBody, statusBody, storedBody } from './bodies/index.ts'
import { streamEvents } from './events.ts'
import { exchange, readText } from './exchange.ts'
import { fromProblem, malformed } from './failures.ts'
import { CONNECT_TIMEOUT_MS, IDLE_TIMEOUT_MS, MAX_JSON_BYTES } from './limits.ts'
import { MAX_PROBLEM_BYTES, MAX_STATEMENT_ANSWER_BYTES } from './limits.ts'
import { ShapeError } from './shape.ts'
import type { OutgoingHttpHeaders } from 'node:http'
import type { Answer, Connecting, Exchange } from './exchange.ts'
import type { Shape } from './shape.ts'
import type { Client, ClientInit, Condition, DaemonAddress, StatementHeaders } from './types.ts'

const toTag = (digest: string): string => (digest === '*' ? digest : `"${digest}"`)

const toHeaders = ({
  statement,
  signatures,
  certificate,
  ifMatch,
  ifNoneMatch,
}: StatementHeaders & Condition): OutgoingHttpHeaders => ({
  ...(ifMatch === undefined ? {} : { 'If-Match': toTag(ifMatch) }),
  ...(ifNoneMatch === undefined ? {} : { 'If-None-Match': toTag(ifNoneMatch) }),
  [STATEMENT_HEADER]: statement,
  [SIGNATURE_HEADER]: [...signatures],
  ...(certificate === undefined ? {} : { [CERTIFICATE_HEADER]: certificate }),
})

const query = (parameters: Readonly<Record<string, string | undefined>>): string => {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return given.length === 0 ? '' : `?${given.join('&')}`
}

const isGood = (status: number): boolean => status >= 200 && status < 300

const isProblem = ({ headers }: Answer): boolean =>
  headers['content-type']?.[0]?.startsWith(PROBLEM_MEDIA_TYPE) === true

/** What the statement's header fields of an answer say; repeated and comma-joined fields alike. */
const fromHeaders = (headers: Answer['headers']): StatementHeaders => {
  const all = (name: string): string[] =>
    (headers[name.toLowerCase()] ?? []).flatMap((value) => value.split(/, */))
  const [certificate] = all(CERTIFICATE_HEADER)
  return {
    statement: all(STATEMENT_HEADER)[0] ?? '',
    signatures: all(SIGNATURE_HEADER),
    ...(certificate === undefined ? {} : { certificate }),
  }
}

/** A client of one daemon. Does no I/O until a method is called; keeps no connection open. */
export const createClient = (address: DaemonAddress, init: ClientInit = {}): Client => {
  const target = toTarget(address)
  if (init.token !== undefined && !/^[\x21-\x7e]+$/.test(init.token)) {
    throw new MeshError('ERR_USAGE', 'a bearer token has printable characters only')
  }
  const connecting: Connecting = {
    target,
    clock: init.clock ?? systemClock,
    connectTimeoutMs: init.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    idleTimeoutMs: init.idleTimeoutMs ?? IDLE_TIMEOUT_MS,
    token: init.token,
  }

  const fail = async (answer: Answer): Promise<never> => {
    const body = await readText(connecting, answer, MAX_PROBLEM_BYTES)
    throw fromProblem(target.shown, answer.status, body)
  }

  const send = async (what: Exchange, idleTimeoutMs?: number): Promise<Answer> => {
    const patience = idleTimeoutMs === undefined ? {} : { idleTimeoutMs }
    const answer = await exchange({ ...connecting, ...patience }, what)
    return isGood(answer.status) ? answer : fail(answer)
  }

  const readJson = async <T>(answer: Answer, shape: Shape<T>): Promise<T> => {
    const text = await readText(connecting, answer, MAX_JSON_BYTES)
    try {
      return shape(JSON.parse(text), '')
    } catch (error) {
      if (error instanceof ShapeError) throw malformed(target.shown, error.message)
      if (error instanceof SyntaxError) throw malformed(target.shown, 'the body is not JSON')
      throw error
    }
  }

  const json = async <T>(what: Exchange, shape: Shape<T>): Promise<T> =>
    readJson(await send(what), shape)

  const get = <T>(path: string, shape: Shape<T>, signal?: AbortSignal): Promise<T> =>
    json({ method: 'GET', path, signal }, shape)

  return {
    address: target.shown,
    status: ({ signal } = {}) => get(routes.status, statusBody, signal),
    async health({ signal } = {}) {
      const answer = await exchange(connecting, { method: 'GET', path: routes.healthz, signal })
      // 503 says that something is wrong in the same body that says what, unless it was not even asked.
      const isBody = isGood(answer.status) || (answer.status === 503 && !isProblem(answer))
      return isBody ? readJson(answer, healthBody) : fail(answer)
    },
    peers: ({ signal } = {}) => get(routes.peers, peersBody, signal),
    transfers: ({ signal } = {}) => get(routes.transfers, transfersBody, signal),
    blocks: ({ signal } = {}) => get(routes.blocks, blocksBody, signal),
    collectBlocks({ now = false, signal } = {}) {
      const path = `${routes.blocksGc}${query({ [NOW_PARAMETER]: now ? 'true' : undefined })}`
      return json({ method: 'POST', path, signal }, blocksGcBody)
    },
    scrubBlocks: ({ signal } = {}) =>
      json({ method: 'POST', path: routes.blocksScrub, signal }, blocksBody),
    async verifyBlocks({ onProgress, signal } = {}) {
      const answer = await send({ method: 'POST', path: routes.blocksVerify, signal })
      return readVerification(target.shown, answer, onProgress)
    },
    spread: ({ after, signal } = {}) =>
      get(`${routes.spread}${query({ [AFTER_PARAMETER]: after })}`, spreadBody, signal),
    certificates: ({ signal } = {}) => get(routes.certificates, certificatesBody, signal),
    preview(configuration, { signal } = {}) {
      const bytes = utf8(configuration)
      const chunks = (async function* () {
        yield bytes
      })()
      const headers = { 'Content-Type': 'application/toml' }
      const body = { sizeBytes: bytes.length, chunks }
      return json({ method: 'POST', path: routes.preview, headers, body, signal }, previewBody)
    },
    files: ({ name, signal } = {}) =>
      get(`${routes.files}${query({ [NAME_PARAMETER]: name })}`, filesBody, signal),
    history: (name, { signal } = {}) => get(routes.history(name), historyBody, signal),
    explain: (name, { signal } = {}) => get(routes.explain(name), explainBody, signal),
    async statement(name, { signal } = {}) {
      const answer = await send({ method: 'GET', path: routes.statement(name), signal })
      return readText(connecting, answer, MAX_STATEMENT_ANSWER_BYTES)
    },
    events: (init = {}) =>
      streamEvents({ address: target.shown, clock: connecting.clock, send }, init),
    upload(name, upload, { signal } = {}) {
      const { sizeBytes, chunks, onProgress, force = false } = upload
      const path = `${routes.file(name)}${query({ [FORCE_PARAMETER]: force ? 'true' : undefined })}`
      const headers = { ...toHeaders(upload), 'Content-Type': 'application/octet-stream' }
      const body = { sizeBytes, chunks, onProgress }
      return json({ method: 'PUT', path, headers, body, signal }, storedBody)
    },
    remove(name, removal, { signal } = {}) {
      const force = removal.force === true ? 'true' : undefined
      const path = `${routes.file(name)}${query({ [FORCE_PARAMETER]: force })}`
      return json({ method: 'DELETE', path, headers: toHeaders(removal), signal }, storedBody)
    },
    async openapi({ signal } = {}) {
      const answer = await send({ method: 'GET', path: routes.openapi, signal })
      return readJson(answer, (value) => value)
    },
    async download(name, { statement, range, signal } = {}) {
      const path = `${routes.file(name)}${query({ [STATEMENT_PARAMETER]: statement })}`
      // The byte after the last one is named here, the last one there.
      const last = range?.end === undefined ? '' : `${range.end - 1}`
      const asked = range === undefined ? {} : { Range: `bytes=${range.start}-${last}` }
      const { headers, chunks } = await send({ method: 'GET', path, headers: asked, signal })
      const length = headers['content-length']?.[0]
      const sizeBytes = length === undefined ? undefined : Number(length)
      return { ...fromHeaders(headers), sizeBytes, chunks }
    },
  }
}
