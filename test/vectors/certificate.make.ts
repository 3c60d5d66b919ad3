/** Writes certificate.json, signed by ssh-keygen: `node test/vectors/certificate.make.ts`. */
import { alice, bob, signWithSsh, writeVectors } from './make.ts'

const certificateText = (change: Readonly<Record<string, string>> = {}): string => {
  const values = {
    network: 'example',
    name: 'node-1',
    key: bob.publicKey,
    issued: '2026-01-01T00:00:00.000Z',
    expires: '2027-01-01T00:00:00.000Z',
    namespaces: 'none',
    ...change,
  }
  return `mesh-certificate 1\n${Object.entries(values)
    .map(([key, value]) => `${key} ${value}\n`)
    .join('')}`
}

const NAMESPACE = 'mesh-certificate'
const longest = Array.from({ length: 8 }, (_, index) => `${index}`.padEnd(32, 'n')).join(',')

writeVectors('certificate', (directory) => {
  const certify = (change: Readonly<Record<string, string>> = {}): string => {
    const text = certificateText(change)
    return `${text}${signWithSsh(directory, alice, NAMESPACE, text)}`
  }
  const refused = (why: string, change: Readonly<Record<string, string>>) => ({
    ...{ why, code: 'ERR_CERTIFICATE_MALFORMED', text: certify(change) },
  })
  const good = certify()
  const [body = ''] = good.split('-----BEGIN')
  const verdict = (why: string, code: string, change: object) => ({
    why,
    code,
    text: good,
    ...change,
  })
  const wrongNamespace = `${body}${signWithSsh(directory, alice, 'mesh-file', body)}`
  const weak = '01'.padEnd(64, '0')
  return {
    about: 'Node certificates signed by ssh-keygen -Y sign -n mesh-certificate',
    check: {
      ...{ network: 'example', networkKeys: [alice.publicKey], key: bob.publicKey },
      nowMs: Date.parse('2026-06-01T00:00:00.000Z'),
    },
    accepted: [
      { why: 'a plain node', text: good },
      { why: 'two namespaces', text: certify({ namespaces: 'jobs,status' }) },
      {
        why: 'the longest',
        text: certify({ network: 'n'.repeat(64), name: 'n'.repeat(64), namespaces: longest }),
        check: { network: 'n'.repeat(64) },
      },
      { why: 'issued in what a wrong clock takes for the future', text: good, check: { nowMs: 0 } },
    ],
    refused: [
      refused('another network id form', { network: 'Example' }),
      refused('a name with a space', { name: 'node 1' }),
      refused('a hidden name', { name: '.node' }),
      refused('a name too long', { name: 'n'.repeat(65) }),
      refused('a short key', { key: bob.publicKey.slice(2) }),
      refused('an upper-case key', { key: bob.publicKey.toUpperCase() }),
      refused('a key of small order', { key: weak }),
      refused('no time', { issued: 'never' }),
      refused('a certificate for ever', { expires: 'never' }),
      refused('expires before issued', { expires: '2025-01-01T00:00:00.000Z' }),
      refused('no namespaces', { namespaces: '' }),
      refused('unsorted namespaces', { namespaces: 'status,jobs' }),
      refused('a namespace twice', { namespaces: 'jobs,jobs' }),
      refused('the reserved namespace', { namespaces: '_mesh' }),
      refused('a namespace that climbs', { namespaces: '..' }),
      refused('a namespace of two parts', { namespaces: 'a/b' }),
      refused('none among namespaces', { namespaces: 'jobs,none' }),
      refused('too many namespaces', { namespaces: 'a,b,c,d,e,f,g,h,i' }),
      refused('a further line', { note: 'x' }),
      verdict('no signature', 'ERR_CERTIFICATE_MALFORMED', { text: body }),
      verdict('two signatures', 'ERR_CERTIFICATE_MALFORMED', {
        text: good + good.slice(body.length),
      }),
      verdict('CRLF', 'ERR_CERTIFICATE_MALFORMED', { text: good.replaceAll('\n', '\r\n') }),
      verdict('a space at the end', 'ERR_CERTIFICATE_MALFORMED', { text: `${good} ` }),
      verdict('another purpose', 'ERR_CERTIFICATE_MALFORMED', { text: wrongNamespace }),
      verdict('other armor', 'ERR_CERTIFICATE_MALFORMED', {
        text: good.replace(/([A-Za-z0-9+/]{70})\n/, '$1'),
      }),
      verdict('changed after signing', 'ERR_CERTIFICATE_INVALID', {
        text: good.replace('name node-1', 'name node-2'),
      }),
      verdict('signed by another key', 'ERR_CERTIFICATE_INVALID', {
        text: `${body}${signWithSsh(directory, bob, NAMESPACE, body)}`,
      }),
      verdict('no network key', 'ERR_CERTIFICATE_INVALID', { check: { networkKeys: [] } }),
      verdict('another network', 'ERR_CERTIFICATE_MISMATCH', { check: { network: 'other' } }),
      verdict("another node's", 'ERR_CERTIFICATE_MISMATCH', { check: { key: alice.publicKey } }),
      verdict('expired', 'ERR_CERTIFICATE_EXPIRED', {
        check: { nowMs: Date.parse('2027-01-01T00:00:00.000Z') },
      }),
    ],
  }
})
