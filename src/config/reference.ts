import { defaultOf, entriesOf, settingOf } from './entries.ts'
import { MAX_CONFIG_BYTES, MAX_FILES } from './limits.ts'
import { documentSchema, fileSchema } from './schema/index.ts'
import type { Schema } from './entries.ts'

/** One key as the reference shows it. */
export interface SettingReference {
  /** Dotted, as `cluster.port`; `NAME` stands for a file's name. */
  readonly key: string
  readonly type: string
  /** The default as TOML; `null` if it is none, or not one fixed value. */
  readonly default: string | null
  /** The default in words, in Markdown. */
  readonly defaultText: string
  readonly about: string
  /** Whether it names a file that may hold a secret. */
  readonly secret: boolean
}

/** A default as it would be written in `dm.toml`. */
const toToml = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(toToml).join(', ')}]` : JSON.stringify(value)

const describe = (key: string, schema: Schema): SettingReference => {
  const { type, about, fallback, secret = false } = settingOf(schema)
  const fixed = defaultOf(schema)
  const toml = fixed === undefined || type === 'table' ? null : toToml(fixed)
  const defaultText = fallback ?? (toml === null ? '' : `\`${toml}\``)
  return { key, type, default: toml, defaultText, about, secret }
}

const walk = (schema: Schema, prefix: string): SettingReference[] =>
  Object.entries(entriesOf(schema) ?? {}).flatMap(([name, child]) => {
    const key = `${prefix}${name}`
    return [describe(key, child), ...walk(child, `${key}.`)]
  })

/** Every key of `dm.toml`, in the order of the reference. */
export const listSettings = (): SettingReference[] => [
  ...walk(documentSchema, ''),
  ...walk(fileSchema, 'files.NAME.'),
]

/** Made when asked for: grouping digits loads 20 ms of language data. */
const head = (): string => `# Configuration: \`dm.toml\`

<!-- Made from src/config/schema by \`node scripts/docs.ts\`. -->

One file in [TOML](https://toml.io/en/v1.0.0) tells a daemon everything; \`dm.toml.example\` is one with every key.
\`mesh config check dm.toml\` reports all that is wrong with a file, each with line and column, and \`mesh server --config dm.toml\` runs with it.

- **Reload**: SIGHUP reads the file again. Files, signers, certificate and log level apply at once; a bad file is refused, and the old configuration stays.
- **Secrets** are named by path, never written into the file. A relative path is looked for in \`$CREDENTIALS_DIRECTORY\` first (systemd's \`LoadCredential=\`), then beside the configuration. A private or pre-shared key that everybody may read is refused.
- **Other paths** that are relative start at the directory of the configuration file.
- **Durations** are \`"500ms"\`, \`"30s"\`, \`"5m"\`, \`"2h"\`, \`"7d"\`; **sizes** \`"512B"\`, \`"16KiB"\`, \`"64MiB"\`, \`"2GiB"\`; **file modes** octal in quotes, \`"0644"\`.
- **Public keys** are ed25519, as \`ssh-ed25519 AAAA… [comment]\`, base64 of the 32 bytes, or a PEM block \`PUBLIC KEY\`; all three may stand in one list.
- **Limits**: the file may have ${MAX_CONFIG_BYTES / 2 ** 20} MiB and ${MAX_FILES.toLocaleString('en')} file names.

A key that mesh does not know is an error, not a no-op.
`

const FILES = `A file's name has parts of \`A-Z a-z 0-9 _ . : -\`, joined by \`/\`, none of them \`.\`, \`..\` or beginning with \`-\`; at most 255 bytes a part and 1,024 in all. A name with a dot or a slash must be in quotes. A name may not be the directory of another, nor differ from another in case only; names that begin with \`_mesh\` are reserved.

A name that ends in \`*\` is a pattern, as \`"certs/*"\` or \`"certs/web-*"\`: all names that begin so; the star stands for one or more characters other than \`/\`. A name by itself comes before a pattern, and of patterns the longer one. A name that would have to be a directory for another entry matches no pattern. Each signer may use \`max_files\` names of a pattern.

\`\`\`toml
[files]
"app.conf" = ["ssh-ed25519 AAAA… alice", "ssh-ed25519 AAAA… bob"]

[files."certs/site.pem"]
signers = ["ssh-ed25519 AAAA… alice"]
max_size = "1MiB"
mode = "0640"

[files."rollout/plan.json"]             # two of three sign, and only bob deletes
signers = ["ssh-ed25519 AAAA… alice", "ssh-ed25519 AAAA… bob", "ssh-ed25519 AAAA… carol"]
threshold = 2
delete_signers = ["ssh-ed25519 AAAA… bob"]

[files."hosts/*"]                       # any name below hosts/
signers = ["ssh-ed25519 AAAA… alice"]
max_files = 500
\`\`\`

A namespace, in which every node has one file of its own: \`"health/*" = "self"\` below \`[files]\`.

The keys of the long form:
`

const formatSetting = ({ key, type, defaultText, about }: SettingReference): string => {
  const fallback = defaultText === '' ? '' : ` · default: ${defaultText}`
  const required = defaultText === 'required' ? ' · required' : fallback
  return `### \`${key}\`\n\n${type}${required}\n\n${about}\n`
}

/** `docs/configuration.md`. */
export const configReference = (): string => {
  const settings = listSettings()
  const sections = settings.map((setting) => {
    if (setting.key === 'files') return `## \`[files]\`\n\n${setting.about}\n\n${FILES}`
    const isTop = setting.type === 'table' && !setting.key.endsWith('files')
    return isTop ? `## \`[${setting.key}]\`\n\n${setting.about}\n` : formatSetting(setting)
  })
  return `${head()}\n## Top of the file\n\n${sections.join('\n')}`
}
