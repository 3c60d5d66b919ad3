/** Writes statement.json, signed by ssh-keygen: `node test/vectors/statement.make.ts`. */
import { dearmorSshsig, decodeSshsig, signCertificate } from '../../src/keys/index.ts'
import { createSignedStatement, encodeSignedStatement } from '../../src/statement/index.ts'
import { formatStatementFile, recordId } from '../../src/statement/index.ts'
import { sha256, toHex } from '../../src/util/index.ts'
import { alice, bob, signWithSsh, writeVectors } from './make.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

const certificateOfAlice = await signCertificate(bob, {
  network: 'example',
  name: 'node-1',
  key: alice.publicKey,
  issued: Date.UTC(2026, 0, 31) as Timestamp,
  expires: Date.UTC(2027, 0, 31) as Timestamp,
  namespaces: ['monitoring'],
})

const DIGEST = sha256('content')
const OTHER = sha256('other')

const lines = (change: Readonly<Record<string, string>> = {}): string => {
  const values = {
    network: 'example',
    name: 'etc/motd',
    version: '1',
    time: '2026-01-31T12:00:00.000Z',
    expires: 'never',
    replaces: 'none',
    content: `sha256:${DIGEST} 7`,
    blocks: 'none',
    ...change,
  }
  return `mesh-file 1\n${Object.entries(values)
    .map(([key, value]) => `${key} ${value}\n`)
    .join('')}`
}

interface Accepted {
  readonly why: string
  readonly text: string
  readonly keys: readonly PrivateKey[]
  readonly certificate?: string
}

const acceptedStatements: readonly Accepted[] = [
  { why: 'a first version', text: lines(), keys: [alice] },
  {
    why: 'every field filled, two signers',
    text: lines({
      network: 'mesh-0123456789abcdef',
      name: 'certs/example.org:443/chain_1.pem',
      version: '42',
      expires: '2027-02-28T23:59:59.999Z',
      replaces: `sha256:${OTHER}`,
      blocks: `sha256:${OTHER}`,
    }),
    keys: [bob, alice],
  },
  { why: 'a tombstone', text: lines({ version: '2', content: 'deleted' }), keys: [alice] },
  {
    why: 'the largest values',
    text: lines({
      network: 'n'.repeat(64),
      name: [255, 255, 255, 254, 1].map((length) => 'n'.repeat(length)).join('/'),
      version: '9007199254740991',
      time: '9999-12-31T23:59:59.999Z',
      expires: '9999-12-31T23:59:59.999Z',
      replaces: `sha256:${OTHER}`,
      content: `sha256:${DIGEST} 68719476736`,
      blocks: `sha256:${OTHER}`,
    }),
    keys: [alice],
  },
  {
    why: 'the smallest values',
    text: lines({
      network: 'n',
      name: '_',
      time: '0000-01-01T00:00:00.000Z',
      content: `sha256:${DIGEST} 0`,
    }),
    keys: [alice],
  },
  {
    why: 'a file of a namespace, with the certificate of its signer',
    text: lines({ name: `monitoring/${alice.publicKey}` }),
    keys: [alice],
    certificate: certificateOfAlice,
  },
]

const swap = (a: number, b: number): string => {
  const all = lines().split('\n')
  const kept = all[a] ?? ''
  all[a] = all[b] ?? ''
  all[b] = kept
  return all.join('\n')
}

/** Wrong values of each line. */
const wrong: Readonly<Record<string, readonly string[]>> = {
  network: ['', 'Example', '-a', 'a-', 'a b', 'a_b', 'n'.repeat(65), 'é', 'example ', ' example'],
  name: [
    ...[
      '',
      '/',
      '/a',
      'a/',
      'a//b',
      '.',
      '..',
      '../a',
      'a/../b',
      'a/./b',
      '-a',
      'a/-b',
      'a b',
      'a\\b',
    ],
    ...['a\tb', 'a\0b', 'é', 'a%2fb', '~a', 'a*', 'n'.repeat(256), `${'a/'.repeat(512)}a`, 'a\r'],
  ],
  version: [
    '',
    '0',
    '-1',
    '+1',
    '01',
    '1.0',
    '1e3',
    '0x1',
    ' 1',
    '1 ',
    '9007199254740992',
    '1'.repeat(17),
    '١',
  ],
  time: [
    ...[
      '',
      'never',
      '2026-01-31',
      '2026-01-31T12:00:00Z',
      '2026-01-31T12:00:00.000',
      '1769860800000',
    ],
    ...['2026-01-31T12:00:00.000+00:00', '2026-02-30T12:00:00.000Z', '2026-01-31T24:00:00.000Z'],
    ...['2026-01-31t12:00:00.000z', '+002026-01-31T12:00:00.000Z', '2026-12-31T23:59:60.000Z'],
  ],
  expires: ['', 'Never', 'none', '2026-01-31', '2026-01-31T12:00:00Z'],
  replaces: [
    '',
    'never',
    DIGEST,
    `sha256:${DIGEST.toUpperCase()}`,
    'sha256:',
    `sha512:${DIGEST}`,
    `sha256:${DIGEST}0`,
  ],
  content: [
    ...[
      '',
      'none',
      'Deleted',
      'deleted 0',
      `sha256:${DIGEST}`,
      `sha256:${DIGEST} `,
      `sha256:${DIGEST}  7`,
    ],
    ...[
      `${DIGEST} 7`,
      `sha256:${DIGEST} 07`,
      `sha256:${DIGEST} -7`,
      `sha256:${DIGEST} 7 7`,
      `sha256:${DIGEST} 7 `,
    ],
    ...[
      `sha256:${DIGEST} 68719476737`,
      `sha256:${DIGEST} 9007199254740992`,
      `sha256:${DIGEST.slice(1)} 7`,
    ],
  ],
  blocks: ['', 'deleted', OTHER, `sha256:${OTHER.toUpperCase()}`, `sha256:${OTHER} 7`],
}

const shapes: readonly { why: string; text: string }[] = [
  { why: 'empty', text: '' },
  { why: 'another kind', text: lines().replace('mesh-file', 'mesh-event') },
  { why: 'another version', text: lines().replace('mesh-file 1', 'mesh-file 2') },
  { why: 'no last line feed', text: lines().slice(0, -1) },
  { why: 'an empty line at the end', text: `${lines()}\n` },
  { why: 'an empty line first', text: `\n${lines()}` },
  { why: 'a byte order mark', text: `\ufeff${lines()}` },
  { why: 'CRLF', text: lines().replaceAll('\n', '\r\n') },
  { why: 'a further line', text: `${lines()}note x\n` },
  { why: 'a line twice', text: lines().replace('version 1\n', 'version 1\nversion 1\n') },
  { why: 'two spaces', text: lines().replace('version 1', 'version  1') },
  { why: 'a tab for a space', text: lines().replace('version 1', 'version\t1') },
  { why: 'upper case', text: lines().replace('version 1', 'Version 1') },
  { why: 'lines in another order', text: swap(3, 4) },
  {
    why: 'a tombstone that expires',
    text: lines({ content: 'deleted', expires: '2027-01-01T00:00:00.000Z' }),
  },
  {
    why: 'a tombstone with blocks',
    text: lines({ content: 'deleted', blocks: `sha256:${OTHER}` }),
  },
  { why: 'too long', text: `${lines()}${'x'.repeat(2048)}\n` },
  ...lines()
    .split('\n')
    .slice(1, -1)
    .map((line) => ({
      why: `no ${line.split(' ', 1)[0]}`,
      text: lines().replace(`${line}\n`, ''),
    })),
]

writeVectors('statement', (directory) => {
  const fields = Object.keys(wrong)
  return {
    about: 'Statement texts; signatures made and accepted by ssh-keygen -Y, namespace mesh-file',
    accepted: acceptedStatements.map(({ why, text, keys, certificate }) => {
      const armored = keys.map((key) => signWithSsh(directory, key, 'mesh-file', text))
      const entries = armored.map((each) => decodeSshsig(dearmorSshsig(each)))
      const signed = createSignedStatement(text, entries, certificate)
      return {
        ...(certificate === undefined ? {} : { certificate }),
        ...{ why, text, id: sha256(text), armored, signers: keys.map((key) => key.publicKey) },
        ...{ recordId: recordId(signed), binary: toHex(encodeSignedStatement(signed)) },
        file: formatStatementFile(signed),
      }
    }),
    refused: [
      ...shapes,
      ...Object.entries(wrong).flatMap(([field, values]) =>
        values.map((value) => ({
          ...{
            why: `${field} ${JSON.stringify(value.slice(0, 40))}`,
            line: fields.indexOf(field) + 2,
          },
          text: lines({ [field]: value }),
        })),
      ),
    ],
  }
})
