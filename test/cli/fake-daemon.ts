import { createHash } from 'node:crypto'
import { decodeSshsig } from '../../src/keys/index.ts'
import { createSignedStatement, entryFromSshSignature } from '../../src/statement/index.ts'
import { formatStatementFile, verifyEntry } from '../../src/statement/index.ts'
import { formatPublicKey } from '../../src/keys/index.ts'
import { formatTimestamp } from '../../src/util/index.ts'
import { answer, problem, readAll, serve } from '../client/fixtures.ts'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SignedStatement } from '../../src/statement/index.ts'

/** A version that the fake daemon holds. */
interface Held {
  readonly signed: SignedStatement
  readonly content: Buffer
  readonly headers: { readonly statement: string; readonly signatures: readonly string[] }
}

export interface FakeDaemon {
  readonly url: string
  /** Newest last. */
  readonly held: Map<string, Held[]>
  /** `METHOD path` of every request. */
  readonly requests: string[]
  /** Runs before each request; `true`: it has been dealt with. */
  before: (request: IncomingMessage, response: ServerResponse) => boolean
}

const readHeaders = (request: IncomingMessage): Held['headers'] => ({
  statement: request.headersDistinct['mesh-statement']?.[0] ?? '',
  signatures: request.headersDistinct['mesh-signature'] ?? [],
})

const toSigned = ({ statement, signatures }: Held['headers']): SignedStatement =>
  createSignedStatement(
    Buffer.from(statement, 'base64').toString(),
    signatures.map((each) => entryFromSshSignature(decodeSshsig(Buffer.from(each, 'base64')))),
  )

export const versionBody = ({ signed }: Held): object => {
  const { version, time, expires, replaces, content, blocks } = signed.statement
  return {
    id: signed.id,
    version,
    time: formatTimestamp(time),
    expires: expires === 'never' ? expires : formatTimestamp(expires),
    replaces: replaces === 'none' ? null : replaces,
    content:
      content === 'deleted'
        ? null
        : {
            sha256: content.digest,
            sizeBytes: content.sizeBytes,
            blocks: blocks === 'none' ? null : blocks,
          },
    signers: signed.signatures.map(({ key }) => formatPublicKey(key, 'openssh')),
  }
}

/** As much of a daemon as the commands need: real HTTP, files in memory, network `local`. */
export const startFakeDaemon = async (
  t: Parameters<typeof serve>[0],
  names: readonly string[],
): Promise<FakeDaemon> => {
  const held = new Map<string, Held[]>(names.map((name) => [name, []]))

  const fileBody = (name: string): object => {
    const last = held.get(name)?.at(-1)
    const deleted = last?.signed.statement.content === 'deleted'
    return {
      name,
      state: last === undefined ? 'none' : deleted ? 'deleted' : 'shown',
      current: last === undefined ? null : versionBody(last),
      conflict: false,
      shownAt: last === undefined || deleted ? null : '2026-01-01T00:00:00.000Z',
    }
  }

  const take = async (request: IncomingMessage, response: ServerResponse, name: string) => {
    const versions = held.get(name)
    if (versions === undefined) return problem(response, 404, 'ERR_FILE_NOT_CONFIGURED')
    const headers = readHeaders(request)
    const signed = toSigned(headers)
    if (!signed.signatures.every((entry) => verifyEntry(signed, entry))) {
      return problem(response, 403, 'ERR_SIGNATURE_INVALID')
    }
    const current = versions.at(-1)
    const { version, content } = signed.statement
    if (current !== undefined && current.signed.statement.version >= version) {
      if (current.signed.id === signed.id) return reply(response, 200, name, 'known')
      const members = { current: { version: current.signed.statement.version } }
      return problem(response, 409, 'ERR_FILE_NOT_NEWER', members)
    }
    const body = await readAll(request)
    const digest = createHash('sha256').update(body).digest('hex')
    if (content !== 'deleted' && content.digest !== digest) {
      return problem(response, 422, 'ERR_FILE_CONTENT_MISMATCH')
    }
    versions.push({ signed, content: body, headers })
    reply(response, 201, name, 'stored')
  }

  const reply = (response: ServerResponse, status: number, name: string, outcome: string) => {
    const current = held.get(name)?.at(-1)
    answer(response, status, { name, outcome, current: current && versionBody(current) })
  }

  const show = (response: ServerResponse, name: string): void => {
    const last = held.get(name)?.at(-1)
    if (last === undefined) {
      problem(response, 404, 'ERR_FILE_NOT_FOUND')
      return
    }
    response.setHeader('Mesh-Statement', last.headers.statement)
    response.setHeader('Mesh-Signature', [...last.headers.signatures])
    response.end(last.content)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = request
    daemon.requests.push(`${method} ${url}`)
    if (daemon.before(request, response)) return
    const { pathname, searchParams } = new URL(url, 'http://x')
    const [, route = '', ...rest] = pathname.split('/').map(decodeURIComponent)
    const name = rest.join('/')
    if (method === 'PUT' || method === 'DELETE') return take(request, response, name)
    if (route === 'files' && name !== '') return show(response, name)
    if (route === 'files') {
      const wanted = searchParams.get('name')
      if (wanted !== null && !held.has(wanted))
        return problem(response, 404, 'ERR_FILE_NOT_CONFIGURED')
      const files = (wanted === null ? [...held.keys()] : [wanted]).map(fileBody)
      return answer(response, 200, { networkId: 'local', files })
    }
    if (route === 'statements') {
      const last = held.get(name)?.at(-1)
      if (last === undefined) return problem(response, 404, 'ERR_FILE_NOT_FOUND')
      return answer(response, 200, formatStatementFile(last.signed), 'text/plain')
    }
    if (route === 'history') {
      const versions = (held.get(name) ?? []).toReversed()
      const body = versions.map((each, index) => ({
        ...versionBody(each),
        ...{ wins: index === 0, conflict: false, contentHere: true },
      }))
      return answer(response, 200, { name, versions: body })
    }
    problem(response, 404, 'ERR_ROUTE_NOT_FOUND')
  }

  const url = await serve(t, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      problem(response, 400, 'ERR_REQUEST_MALFORMED', { why: String(error) })
    })
  })
  const daemon: FakeDaemon = { url, held, requests: [], before: () => false }
  return daemon
}
