/** Every function that reads what comes from outside is among the decoders that are fuzzed. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { decoders } from './decoders.ts'
import { corpusDirectory } from './engine.ts'

const root = join(import.meta.dirname, '../..')

/** Names that a function has which reads something. */
const READS = /^(?:parse|decode|dearmor|scan|read|load)[A-Z]\w*$|^\w+From[A-Z]\w*$|^from[A-Z]\w*$/

/** What reads nothing of its own, with what reads it. */
const exempt: Readonly<Record<string, string>> = {
  'cli/config-secrets.ts#readSecrets': 'readers of each kind of key',
  'cli/content.ts#readSmallFile': 'text as it is',
  'cli/daemon.ts#readToken': 'text as it is',
  'cli/key-files.ts#readKeyFile': 'readPrivateKey',
  'cli/key-files.ts#readPassphrase': 'text as it is',
  'cli/key-files.ts#readPublicKey': 'parsePublicKey, parsePeerId',
  'cli/program.ts#readVersion': 'our own package.json',
  'cli/statement-files.ts#readStatementFile': 'parseStatementFile',
  'cli/statement.ts#readSigningKeys': 'readPrivateKey',
  'cli/trust.ts#readKnown': 'answers of a daemon',
  'cli/trust.ts#readListed': 'decodeCertificates',
  'cli/trust.ts#readNetworkKey': 'readPrivateKey, decodeAgentIdentities',
  'cli/trust.ts#readNetworkKeys': 'parsePublicKey',
  'cli/trust.ts#readPresent': 'fromHeaders',
  'cli/trust.ts#readRevoked': 'decodeRevocations',
  'client/failures.ts#fromConnection': 'an error of the system',
  'client/exchange.ts#readText': 'text as it is',
  'config/files.ts#readFiles': 'part of parseConfig',
  'config/parse.ts#loadConfig': 'parseConfig',
  'config/parse.ts#readConfigFile': 'text as it is',
  'config/secret.ts#readSecretFile': 'text as it is',
  'config/toml.ts#parseToml': 'part of parseConfig',
  'daemon/identity.ts#loadIdentity': 'readPrivateKey',
  'daemon/tokens.ts#readTokens': 'parseTokens',
  'daemon/trust.ts#readTrust': 'parseCertificate, parsePsk',
  'daemon/version.ts#readVersion': 'our own package.json',
  'disk/work-file.ts#readAt': 'bytes as they are',
  'http/context.ts#readableView': 'a view of ours',
  'keys/peer-id.ts#peerIdFromPublicKey': 'a key of ours',
  'keys/certificate.ts#parsedFrom': 'parseCertificate',
  'statement/statement-file.ts#entryFromSshSignature': 'decodeSshsig',
  'store/failure.ts#readFailure': 'an error of ours',
  'web/page-files.ts#readPage': 'our own files',
  'sync/content/holder-stream.ts#readHolder': 'decodeAnswer',
  'transport/identity.ts#fromLibp2pPeerId': 'an id that libp2p has made',
  'trust/lines.ts#readHead': 'part of each file of the network',
  'trust/lines.ts#readText': 'part of each file of the network',
  'sync/wire.ts#readCollection': 'part of each message',
  'sync/wire.ts#readDigest': 'part of each message',
  'sync/wire.ts#readItem': 'part of each message',
  'sync/wire.ts#readName': 'part of each message',
  'transport/dht.ts#loadDht': 'a module',
}

const found: string[] = []
for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
  const path = join(entry.parentPath, entry.name)
  const text = readFileSync(path, 'utf8')
  for (const [, name = ''] of text.matchAll(/^export (?:const|(?:async )?function\*?) (\w+)/gm)) {
    if (READS.test(name)) found.push(`${relative(join(root, 'src'), path)}#${name}`)
  }
}

const fuzzed = new Set(decoders.map(({ name }) => name))

t.test('every decoder is fuzzed, or says who is fuzzed in its place', async (t) => {
  for (const name of found.sort()) {
    const ok = fuzzed.has(name) || Object.hasOwn(exempt, name)
    t.ok(ok, `${name} is in test/fuzz/decoders, or exempt in test/fuzz/enumeration.test.ts`)
  }
  t.ok(found.length > 50, `${found.length} decoders`)
})

t.test('what is fuzzed is there', async (t) => {
  for (const { name } of decoders) {
    const [path = '', exported = ''] = name.split('#')
    const text = readFileSync(join(root, 'src', path), 'utf8')
    const made = `export (const|class|(async )?function\\*?) ${exported}\\b`
    const handedOn = `export \\{[^}]*\\b${exported}\\b[^}]*\\} from`
    t.match(text, new RegExp(`^(${made}|${handedOn})`, 'm'), name)
  }
  t.equal(new Set(decoders.map(({ name }) => name)).size, decoders.length, 'each once')
})

t.test('what was saved belongs to a decoder', async (t) => {
  const folders = decoders.map(({ name }) => name.replace(/\.ts#/, '.').replaceAll('/', '.'))
  for (const folder of readdirSync(corpusDirectory)) t.ok(folders.includes(folder), folder)
})
