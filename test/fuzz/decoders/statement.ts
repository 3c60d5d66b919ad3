/** What is signed, in each of its forms, and what an upload says of it. */
import { parseRange } from '../../../src/http/range.ts'
import { createHostCheck } from '../../../src/http/access.ts'
import { readStatementHeaders, statementHeaders } from '../../../src/http/statement-headers.ts'
import {
  decodeSignedStatement,
  decodeStatement,
  encodeSignedStatement,
  encodeStatement,
  formatStatementFile,
  parseFileName,
  parseNetworkId,
  parseStatementFile,
} from '../../../src/statement/index.ts'
import { parsePattern, parseSelector } from '../../../src/statement/selector.ts'
import { decodeCertificates, decodeHeartbeat, decodeRevocations } from '../../../src/trust/index.ts'
import { encodeCertificates, encodeHeartbeat, encodeRevocations } from '../../../src/trust/index.ts'
import { fromHeaders } from '../../../src/cli/statement-headers.ts'
import { readVectors } from '../../keys/vectors.ts'
import { statementVectors } from '../../statement/vectors.ts'
import { holds, sameBytes, sameText } from '../engine.ts'
import type { Decoder } from '../engine.ts'

const { accepted } = statementVectors
const files = accepted.map(({ file }) => file)

/** Fields of an upload as lines `name value`, which may repeat. */
const fieldsOf = (text: string): Record<string, string[]> => {
  const fields: Record<string, string[]> = Object.create(null)
  for (const line of text.split('\n')) {
    const [name = '', ...value] = line.split(' ')
    const list = fields[name] ?? []
    fields[name] = list
    list.push(value.join(' '))
  }
  return fields
}

type TrustVectors = Readonly<
  Record<string, { readonly accepted: readonly { readonly text: string }[] }>
>
const trustFiles = (kind: string): Uint8Array[] =>
  ((readVectors('trust') as TrustVectors)[kind]?.accepted ?? []).map(({ text }) =>
    Buffer.from(text),
  )

const uploads = files.map((file) =>
  Object.entries(statementHeaders(parseStatementFile(file)))
    .map(([name, value]) => `${name.toLowerCase()} ${value}`)
    .join('\n'),
)

export const statementDecoders: readonly Decoder[] = [
  {
    name: 'statement/text.ts#decodeStatement',
    text: true,
    seeds: accepted.map(({ text }) => text),
    run: (input) => sameText(encodeStatement(decodeStatement(input.text)), input),
  },
  {
    name: 'statement/binary.ts#decodeSignedStatement',
    seeds: accepted.map(({ binary }) => Buffer.from(binary, 'hex')),
    run: (input) => sameBytes(encodeSignedStatement(decodeSignedStatement(input.bytes)), input),
  },
  {
    name: 'statement/statement-file.ts#parseStatementFile',
    text: true,
    seeds: files,
    run: ({ text }) => {
      const written = formatStatementFile(parseStatementFile(text))
      holds(formatStatementFile(parseStatementFile(written)) === written, 'written otherwise')
    },
  },
  {
    name: 'statement/file-name.ts#parseFileName',
    text: true,
    seeds: ['etc/motd', 'a', 'a.b_c:d-e/f', 'x'.repeat(255)],
    run: (input) => {
      const name = parseFileName(input.text)
      sameText(name, input)
      holds(!/(^|\/)\.{0,2}(\/|$)/.test(name) && !/[^\x21-\x7e]/.test(name), 'it climbs out')
    },
  },
  {
    name: 'statement/network-id.ts#parseNetworkId',
    text: true,
    seeds: ['example', 'a-b-1', 'x'.repeat(64)],
    run: (input) => sameText(parseNetworkId(input.text), input),
  },
  {
    name: 'statement/selector.ts#parsePattern',
    text: true,
    seeds: ['etc/*', 'a*'],
    run: (input) => sameText(parsePattern(input.text), input),
  },
  {
    name: 'statement/selector.ts#parseSelector',
    text: true,
    seeds: ['etc/*', 'etc/motd'],
    run: (input) => sameText(parseSelector(input.text), input),
  },
  {
    name: 'trust/certificates.ts#decodeCertificates',
    seeds: trustFiles('certificates'),
    run: (input) => {
      const { network, certificates } = decodeCertificates(input.bytes)
      sameBytes(encodeCertificates(network, certificates.values()), input)
    },
  },
  {
    name: 'trust/revocations.ts#decodeRevocations',
    seeds: trustFiles('revoked'),
    run: (input) => {
      const { network, revocations } = decodeRevocations(input.bytes)
      sameBytes(encodeRevocations(network, revocations.values()), input)
    },
  },
  {
    name: 'trust/heartbeat.ts#decodeHeartbeat',
    seeds: trustFiles('heartbeat'),
    run: (input) => sameBytes(encodeHeartbeat(decodeHeartbeat(input.bytes)), input),
  },
  {
    name: 'cli/statement-headers.ts#fromHeaders',
    text: true,
    seeds: files.map((file) => {
      const [statement = '', signature = ''] = Object.values(
        statementHeaders(parseStatementFile(file)),
      )
      return `${statement}\n${signature.replaceAll(', ', '\n')}`
    }),
    run: ({ text }) => {
      const [statement = '', ...signatures] = text.split('\n')
      fromHeaders({ statement, signatures })
    },
  },
  {
    name: 'http/statement-headers.ts#readStatementHeaders',
    text: true,
    seeds: uploads,
    run: ({ text }) => {
      const signed = readStatementHeaders({ headersDistinct: fieldsOf(text) })
      const again = Object.entries(statementHeaders(signed)).map(([name, value]) => [
        name.toLowerCase(),
        [value],
      ])
      const copy = readStatementHeaders({ headersDistinct: Object.fromEntries(again) })
      holds(copy.id === signed.id, 'another statement')
    },
  },
  {
    name: 'http/range.ts#parseRange',
    text: true,
    seeds: ['bytes=0-99', 'bytes=5-', 'bytes=-3', 'bytes=999999999999999-'],
    run: ({ text }) => {
      for (const sizeBytes of [0, 1, 100, 2 ** 36]) {
        const range = parseRange(text, sizeBytes)
        if (typeof range === 'string') continue
        const { start, end } = range
        holds(start >= 0 && start < end && end <= sizeBytes, `${start} to ${end} of ${sizeBytes}`)
      }
    },
  },
  {
    name: 'http/access.ts#createHostCheck',
    text: true,
    seeds: ['localhost', '127.0.0.1:7331', '[::1]:80', 'mesh.example.org', '10.0.0.7'],
    run: ({ text }) => {
      createHostCheck(['mesh.example.org'])(text, '::ffff:10.0.0.7')
      const host = text.toLowerCase().replace(/:\d+$/, '').replace(/\.$/, '')
      const ours = ['localhost', '127.0.0.1', '[::1]', '::1', 'ip6-localhost', '10.0.0.7']
      holds([...ours, '[10.0.0.7]', '[127.0.0.1]', 'mesh.example.org'].includes(host), 'a stranger')
    },
  },
]
