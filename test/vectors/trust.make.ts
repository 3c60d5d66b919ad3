/** Writes trust.json: `node test/vectors/trust.make.ts`. Certificates in it are signed by ssh-keygen. */
import { alice, bob, signWithSsh, writeVectors } from './make.ts'

const CODE = 'ERR_TRUST_MALFORMED'
const refused = (why: string, text: string) => ({ why, code: CODE, text })
const T1 = '2026-01-01T00:00:00.000Z'
const T2 = '2026-06-01T12:00:00.000Z'
const T3 = '2027-01-01T00:00:00.000Z'

// Sorted: bob's key begins with 81, alice's with 8a.
const [low, high] = [bob.publicKey, alice.publicKey]

writeVectors('trust', (directory) => {
  const certify = (key: string, name: string, network = 'example'): string => {
    const text = `mesh-certificate 1\nnetwork ${network}\nname ${name}\nkey ${key}\nissued ${T1}\nexpires ${T3}\nnamespaces none\n`
    return `${text}${signWithSsh(directory, alice, 'mesh-certificate', text)}`
  }
  const listed = 'mesh-certificates 1\nnetwork example\n'
  const [one, two] = [certify(low, 'node-1'), certify(high, 'node-2')]
  const gone = 'mesh-revoked 1\nnetwork example\n'
  const beat = 'mesh-heartbeat 1\nnetwork example\n'
  return {
    about: "The network's own files",
    certificates: {
      accepted: [
        { why: 'none', text: listed, names: [] },
        { why: 'one', text: listed + one, names: ['node-1'] },
        { why: 'two in the order of keys', text: listed + one + two, names: ['node-1', 'node-2'] },
      ],
      refused: [
        refused('nothing', ''),
        refused('another kind', listed.replace('certificates', 'certificate')),
        refused('another version', listed.replace(' 1\n', ' 2\n')),
        refused('no network', 'mesh-certificates 1\n'),
        refused('a network id that is none', listed.replace('example', 'Example')),
        refused('out of order', listed + two + one),
        refused('twice', listed + one + one),
        refused('of another network', listed + certify(low, 'node-1', 'other')),
        refused('cut off', (listed + one).slice(0, -1)),
        refused('a line between', `${listed}${one}\n${two}`),
        refused('a bad certificate', listed + one.replace('name node-1', 'name .node')),
        refused('CRLF', (listed + one).replaceAll('\n', '\r\n')),
      ],
    },
    revoked: {
      accepted: [
        { why: 'none', text: gone, revocations: [] },
        {
          why: 'a key',
          text: `${gone}key ${low} all ${T2} node-1\n`,
          revocations: [
            { key: low, certificates: 'all', revokedAt: Date.parse(T2), name: 'node-1' },
          ],
        },
        {
          why: 'certificates issued before, and a node without a name',
          text: `${gone}key ${low} ${T1} ${T2} node-1\nkey ${high} all ${T2} -\n`,
          revocations: [
            { key: low, certificates: Date.parse(T1), revokedAt: Date.parse(T2), name: 'node-1' },
            { key: high, certificates: 'all', revokedAt: Date.parse(T2) },
          ],
        },
      ],
      refused: [
        refused('nothing', ''),
        refused('no last line end', `${gone}key ${low} all ${T2} node-1`),
        refused('a blank line', `${gone}\n`),
        refused('out of order', `${gone}key ${high} all ${T2} -\nkey ${low} all ${T2} -\n`),
        refused('twice', `${gone}key ${low} all ${T2} -\nkey ${low} all ${T2} -\n`),
        refused('an upper-case key', `${gone}key ${low.toUpperCase()} all ${T2} -\n`),
        refused('a key of small order', `${gone}key ${'01'.padEnd(64, '0')} all ${T2} -\n`),
        refused('no time', `${gone}key ${low} all never -\n`),
        refused('a time that is none', `${gone}key ${low} all 2026-13-01T00:00:00.000Z -\n`),
        refused('some other word', `${gone}key ${low} some ${T2} -\n`),
        refused('no name', `${gone}key ${low} all ${T2} \n`),
        refused('a name with a space', `${gone}key ${low} all ${T2} node 1\n`),
        refused('two spaces', `${gone}key ${low}  all ${T2} -\n`),
        refused('a signer', `${gone}signer ${low} all ${T2} -\n`),
      ],
    },
    heartbeat: {
      accepted: [
        { why: 'nothing published', text: `${beat}certificates 0\nrevoked 0\n`, versions: [0, 0] },
        { why: 'both published', text: `${beat}certificates 7\nrevoked 12\n`, versions: [7, 12] },
        {
          why: 'the last version',
          text: `${beat}certificates 9007199254740991\nrevoked 1\n`,
          versions: [Number.MAX_SAFE_INTEGER, 1],
        },
      ],
      refused: [
        refused('nothing', ''),
        refused('one line less', `${beat}certificates 0\n`),
        refused('a leading zero', `${beat}certificates 00\nrevoked 0\n`),
        refused('a negative version', `${beat}certificates -1\nrevoked 0\n`),
        refused('above 2^53 - 1', `${beat}certificates 9007199254740992\nrevoked 0\n`),
        refused('the other order', `${beat}revoked 0\ncertificates 0\n`),
        refused('a further line', `${beat}certificates 0\nrevoked 0\nnote x\n`),
        refused('no last line end', `${beat}certificates 0\nrevoked 0`),
      ],
    },
  }
})
