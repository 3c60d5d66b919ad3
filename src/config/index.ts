/**
 * Config: `dm.toml`, from text to a typed configuration with every default filled in.
 *
 * Promises: whatever is wrong is reported at once, all of it, each with file, line, column and what
 * to write instead; nothing unknown is ignored. One schema gives types, defaults, checks and
 * `docs/configuration.md`. Secrets are named by path only; reading the configuration reads none of
 * them, and no message quotes a line that may hold one.
 *
 * @packageDocumentation
 */
export { MAX_CONFIG_BYTES } from './limits.ts'
export { checkConfig, DEFAULT_CONFIG_PATH, loadConfig, parseConfig } from './parse.ts'
export { problemsAt, readConfigFile } from './parse.ts'
export { configError } from './problems.ts'
export { configReference, listSettings } from './reference.ts'
export { readSecretFile, resolveSecretPath } from './secret.ts'
export type { ConfigCheck, ParseConfigOptions } from './parse.ts'
export type { SettingReference } from './reference.ts'
export type { Config, ConfigEnvironment, ConfigPath, ConfigProblem } from './types.ts'
export type { ConfiguredFile } from './types.ts'
