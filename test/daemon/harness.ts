/** A whole daemon in this process, and files for it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '../../src/client/index.ts'
import { parseConfig } from '../../src/config/index.ts'
import { createDaemon } from '../../src/daemon/index.ts'
import { encodeSshsig, formatPublicKey, generatePrivateKey } from '../../src/keys/index.ts'
import { silentLogger } from '../../src/observe/index.ts'
import { parseFileName, parseNetworkId } from '../../src/statement/index.ts'
import { signStatement, STATEMENT_NAMESPACE } from '../../src/statement/index.ts'
import { sha256, systemClock, systemRandom, toBase64, utf8 } from '../../src/util/index.ts'
import type { Test } from 'tap'
import type { Client } from '../../src/client/index.ts'
import type { PrivateKey } from '../../src/keys/index.ts'
import type { Timestamp } from '../../src/util/index.ts'

/** May sign what a test configures. */
export const signer = generatePrivateKey(systemRandom)
/** Another signer. */
export const other = generatePrivateKey(systemRandom)
/** As it stands in a configuration. */
export const keyOf = ({ publicKey }: PrivateKey): string =>
  `"${formatPublicKey(publicKey, 'openssh')}"`

export interface Draft {
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  readonly version: number
  readonly content?: string
  readonly by?: PrivateKey
  readonly expiresMs?: number
}

/** Signs a version and hands it to a daemon; without content, a tombstone. */
export const publish = async (client: Client, name: string, draft: Draft) => {
  const { version, content, by = signer, expiresMs, ifMatch, ifNoneMatch } = draft
  const { text, signatures } = await signStatement(
    {
      network: parseNetworkId('local'),
      name: parseFileName(name),
      version,
      time: Date.now() as Timestamp,
      expires: expiresMs === undefined ? 'never' : (expiresMs as Timestamp),
      replaces: 'none',
      content:
        content === undefined
          ? 'deleted'
          : { digest: sha256(content), sizeBytes: Buffer.byteLength(content) },
      blocks: 'none',
    },
    [by],
  )
  const headers = {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    statement: toBase64(utf8(text)),
    signatures: signatures.map((entry) =>
      toBase64(encodeSshsig({ ...entry, namespace: STATEMENT_NAMESPACE })),
    ),
  }
  if (content === undefined) return client.remove(name, headers)
  const chunks = (async function* () {
    yield utf8(content)
  })()
  return client.upload(name, { ...headers, sizeBytes: Buffer.byteLength(content), chunks })
}

/** A daemon of its own, with what it is reloaded with. */
export const start = async (t: Test, lines: readonly string[], http: readonly string[] = []) => {
  const home = mkdtempSync(join(tmpdir(), 'mesh-events-'))
  t.teardown(() => rmSync(home, { recursive: true, force: true }))
  const socket = join(home, 'sock')
  const configOf = (more: readonly string[]) =>
    parseConfig(
      [
        `state_dir = "${home}/state"`,
        ...['[cluster]', 'listen = ["/ip4/127.0.0.1/tcp/0"]'],
        ...['[http]', 'port = 0', `socket = "${socket}"`, ...http],
        ...['[hooks]', 'allow_root = true', '[files]', ...more, ''],
      ].join('\n'),
      { path: join(home, 'dm.toml'), environment: { exists: () => false } },
    )
  const make = () =>
    createDaemon({
      config: configOf(lines),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    })
  let daemon = make()
  const { http: urls } = await daemon.start()
  t.teardown(() => daemon.stop({ deadlineMs: 10_000 }))
  return {
    home,
    url: urls[0] ?? '',
    socket,
    client: createClient({ socketPath: socket }),
    reload: (more: readonly string[]) => daemon.reload(async () => configOf(more)),
    async restart() {
      await daemon.stop({ deadlineMs: 10_000 })
      daemon = make()
      await daemon.start()
    },
  }
}
