import type { ErrorCode } from '../errors/index.ts'
import type { PublicKey } from '../keys/index.ts'
import type { LogLevel } from '../observe/index.ts'
import type { NetworkId, Selector } from '../statement/index.ts'

/** One entry of `[files]`. */
export interface ConfiguredFile {
  /** A name, or a pattern. */
  readonly name: Selector
  /** Who may sign; sorted, each once, at least one unless `self` is there. */
  readonly signers: readonly PublicKey[]
  /** Signatures that a statement needs. */
  readonly threshold: number
  /** Who has to sign what deletes or changes the expiry; sorted, each once. */
  readonly deleteSigners?: readonly PublicKey[]
  /** Nodes with a certificate for this namespace may sign, each the name of its own key. */
  readonly self?: { readonly network: NetworkId; readonly networkKeys: readonly PublicKey[] }
  readonly maxSizeBytes: number
  /** Permission bits, as 0o644. */
  readonly mode: number
  /** Versions whose content is kept. */
  readonly history: number
  readonly minVersion: number
  /** Absolute. */
  readonly fallbackPath?: string
  readonly purgeAfterMs: number
  readonly contentType?: string
  /** Program, absolute, and its arguments. */
  readonly onChange?: readonly string[]
  /** Shown as a tree as well. */
  readonly unpack?: 'tar'
  /** Of a pattern, and only there. */
  readonly maxFiles?: number
}

/** A whole `dm.toml`, checked, with every default filled in and every path absolute. */
export interface Config {
  /** Where it was read from. */
  readonly path: string
  readonly logLevel: LogLevel
  readonly stateDir: string
  readonly network: {
    readonly id: NetworkId
    /** Public network keys; empty: no certificates are asked for. */
    readonly keys: readonly PublicKey[]
    /** Files of pre-shared keys: dial with the first, accept all. */
    readonly pskPaths: readonly string[]
    readonly certificatePath?: string
    /** Made on first start if it is missing. */
    readonly identityKeyPath: string
  }
  readonly cluster: {
    /** Multiaddrs to listen on. */
    readonly listen: readonly string[]
    /** Multiaddrs told to peers in place of the ones listened on; empty: those. */
    readonly announce: readonly string[]
    /** Multiaddrs, with or without a peer id. */
    readonly bootstrapPeers: readonly string[]
    readonly pushPullIntervalMs: number
    readonly maxConnections: number
    /** Bytes of content a second. @default no limit */
    readonly bandwidth: {
      readonly upload?: number
      readonly uploadPerPeer?: number
      readonly download?: number
      readonly downloadPerPeer?: number
    }
    readonly allowOpenNetwork: boolean
    readonly dht: { readonly enabled: boolean }
  }
  readonly http: {
    /** Addresses and interfaces to listen on; empty: the unix socket only. */
    readonly listen: readonly string[]
    readonly port: number
    readonly socketPath: string
    readonly socketMode: number
    /** Host names, besides the addresses listened on, that requests may name. */
    readonly allowedHosts: readonly string[]
    /** Requests a second from one address over TCP; 0: no limit. */
    readonly requestsPerSecond: number
    /** File of bearer tokens. */
    readonly tokenPath?: string
    /** Whether metrics are told over TCP, too. */
    readonly metrics: boolean
  }
  readonly hooks: {
    /** Absolute. */
    readonly directory?: string
    readonly timeoutMs: number
    readonly allowRoot: boolean
  }
  readonly blocks: {
    /** Room for blocks that nobody keeps. */
    readonly cacheBytes: number
    /** Room for all stored blocks. */
    readonly quotaBytes: number
    /** Pace of the check in the background; 0: none by itself. */
    readonly scrubBytesPerSecond: number
  }
  /** Sorted by name. */
  readonly files: readonly ConfiguredFile[]
}

/** Which key or list item, from the top of the file: `['cluster', 'bootstrap_peers', 0]`. */
export type ConfigPath = readonly (string | number)[]

/** One thing that is wrong with a configuration file. */
export interface ConfigProblem {
  /** `ERR_CONFIG_SYNTAX`, `ERR_CONFIG_INVALID`, or what is wrong with a file that it names. */
  readonly code: ErrorCode
  /** Dotted, as `cluster.bootstrap_peers[0]`; empty for the whole file. */
  readonly key: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** What is wrong and what to write instead; no position. */
  readonly message: string
  /** The line with a mark below the column; empty where it could show a secret. */
  readonly excerpt: string
}

/** What a configuration may ask of the machine while it is read. */
export interface ConfigEnvironment {
  /** systemd's `$CREDENTIALS_DIRECTORY`: relative secret paths are looked for there first. */
  readonly credentialsDirectory?: string
  exists(path: string): boolean
}
