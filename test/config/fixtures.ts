import { checkConfig, parseConfig } from '../../src/config/index.ts'
import { formatPublicKey, privateKeyFromSeed } from '../../src/keys/index.ts'
import type { Config, ConfigCheck, ConfigEnvironment } from '../../src/config/index.ts'

/** A machine where only these paths exist. */
export const machine = (
  paths: readonly string[] = [],
  credentials?: string,
): ConfigEnvironment => ({
  exists: (path) => paths.includes(path),
  ...(credentials === undefined ? {} : { credentialsDirectory: credentials }),
})

export const keyOf = (byte: number) => privateKeyFromSeed(new Uint8Array(32).fill(byte)).publicKey

/** A public key as it stands in a file. */
export const keyText = (byte: number, format: 'openssh' | 'base64' | 'pem' = 'openssh'): string =>
  formatPublicKey(keyOf(byte), format)

export const parse = (text: string, environment = machine()): Config =>
  parseConfig(text, { path: '/etc/mesh/dm.toml', environment })

export const check = (text: string, environment = machine()): ConfigCheck =>
  checkConfig(text, { path: '/etc/mesh/dm.toml', environment })

/** The problems as `line:column key`, for short comparisons. */
export const places = (text: string): string[] =>
  check(text).problems.map(({ line, column, key }) => `${line}:${column} ${key}`)

/** The message of the only problem. */
export const onlyMessage = (text: string): string => {
  const { problems } = check(text)
  const [first] = problems
  if (first === undefined || problems.length !== 1) {
    throw new Error(`${problems.length} problems: ${JSON.stringify(problems, undefined, 1)}`)
  }
  return first.message
}
