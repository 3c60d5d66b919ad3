import type { Command } from 'commander'
import type { Context } from './context.ts'

/** A command: loaded only when it is going to run. */
export interface Leaf {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<(context: Context) => Command>
}

/** A word that commands stand behind. */
export interface Branch {
  readonly name: string
  readonly summary: string
  readonly commands: readonly (Branch | Leaf)[]
}

/** Every command, in the order of the help. */
export const tree: readonly (Branch | Leaf)[] = [
  {
    name: 'server',
    summary: 'run a daemon',
    load: async () => (await import('./commands/server.ts')).serverCommand,
  },
  {
    name: 'status',
    summary: 'show how a daemon is doing',
    load: async () => (await import('./commands/status.ts')).statusCommand,
  },
  {
    name: 'doctor',
    summary: 'look for what keeps a node from working',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand,
  },
  {
    name: 'dashboard',
    summary: 'print or open the address of the page of a daemon',
    load: async () => (await import('./commands/dashboard.ts')).dashboardCommand,
  },
  {
    name: 'peers',
    summary: 'show the peers of a daemon',
    load: async () => (await import('./commands/peers.ts')).peersCommand,
  },
  {
    name: 'transfers',
    summary: 'show content that is on its way',
    load: async () => (await import('./commands/transfers.ts')).transfersCommand,
  },
  {
    name: 'blocks',
    summary: 'look after the pieces that large files are made of',
    commands: [
      {
        name: 'stat',
        summary: 'show what the store of blocks holds',
        load: async () => (await import('./commands/blocks.ts')).blocksStatCommand,
      },
      {
        name: 'verify',
        summary: 'check all blocks now',
        load: async () => (await import('./commands/blocks.ts')).blocksVerifyCommand,
      },
      {
        name: 'gc',
        summary: 'remove blocks that nothing needs',
        load: async () => (await import('./commands/blocks.ts')).blocksGcCommand,
      },
      {
        name: 'scrub',
        summary: 'check all blocks in the background',
        load: async () => (await import('./commands/blocks.ts')).blocksScrubCommand,
      },
    ],
  },
  {
    name: 'explain',
    summary: 'say why a file is here or is not',
    load: async () => (await import('./commands/explain.ts')).explainCommand,
  },
  {
    name: 'file',
    summary: 'publish, read and check signed files',
    commands: [
      {
        name: 'update',
        summary: 'sign a new version of a file and hand it to a daemon',
        load: async () => (await import('./commands/file-update.ts')).fileUpdateCommand,
      },
      {
        name: 'delete',
        summary: 'delete a file everywhere, by a signed tombstone',
        load: async () => (await import('./commands/file-delete.ts')).fileDeleteCommand,
      },
      {
        name: 'resign',
        summary: 'have another key sign the present versions, before one is withdrawn',
        load: async () => (await import('./commands/file-resign.ts')).fileResignCommand,
      },
      {
        name: 'sign',
        summary: 'sign a file for an upload by somebody else, or add a signature',
        load: async () => (await import('./commands/file-sign.ts')).fileSignCommand,
      },
      {
        name: 'headers',
        summary: 'print what curl needs to upload with a statement',
        load: async () => (await import('./commands/file-headers.ts')).fileHeadersCommand,
      },
      {
        name: 'get',
        summary: 'read a file from a daemon, and check it',
        load: async () => (await import('./commands/file-get.ts')).fileGetCommand,
      },
      {
        name: 'list',
        summary: 'list the files of a daemon',
        load: async () => (await import('./commands/file-list.ts')).fileListCommand,
      },
      {
        name: 'status',
        summary: 'show one file as a daemon has it',
        load: async () => (await import('./commands/file-status.ts')).fileStatusCommand,
      },
      {
        name: 'history',
        summary: 'show the versions of a file that a daemon has seen',
        load: async () => (await import('./commands/file-history.ts')).fileHistoryCommand,
      },
      {
        name: 'wait',
        summary: 'wait until a daemon shows a file, or a version of it',
        load: async () => (await import('./commands/file-wait.ts')).fileWaitCommand,
      },
      {
        name: 'watch',
        summary: 'print what happens to files, and run a command for it',
        load: async () => (await import('./commands/file-watch.ts')).fileWatchCommand,
      },
      {
        name: 'restore',
        summary: 'publish the content of an old version again',
        load: async () => (await import('./commands/file-restore.ts')).fileRestoreCommand,
      },
      {
        name: 'verify',
        summary: 'check a file against its statement, without a daemon',
        load: async () => (await import('./commands/file-verify.ts')).fileVerifyCommand,
      },
    ],
  },
  {
    name: 'generate',
    summary: 'make keys, network ids and pre-shared keys',
    commands: [
      {
        name: 'identity-key',
        summary: 'make the key that is a node',
        load: async () => (await import('./commands/generate-key.ts')).identityKeyCommand,
      },
      {
        name: 'signing-key',
        summary: 'make a key that signs files',
        load: async () => (await import('./commands/generate-key.ts')).signingKeyCommand,
      },
      {
        name: 'network-key',
        summary: 'make a key that signs node certificates',
        load: async () => (await import('./commands/generate-key.ts')).networkKeyCommand,
      },
      {
        name: 'network',
        summary: 'make the id of a new network',
        load: async () => (await import('./commands/generate-network.ts')).generateNetworkCommand,
      },
      {
        name: 'psk',
        summary: 'make a pre-shared key',
        load: async () => (await import('./commands/generate-psk.ts')).generatePskCommand,
      },
    ],
  },
  {
    name: 'certificate',
    summary: 'let nodes into a network',
    commands: [
      {
        name: 'sign',
        summary: 'make a node certificate',
        load: async () => (await import('./commands/certificate-sign.ts')).certificateSignCommand,
      },
      {
        name: 'verify',
        summary: 'check a node certificate',
        load: async () =>
          (await import('./commands/certificate-verify.ts')).certificateVerifyCommand,
      },
      {
        name: 'show',
        summary: 'show a node certificate, and whether it is trusted',
        load: async () => (await import('./commands/certificate-show.ts')).certificateShowCommand,
      },
      {
        name: 'list',
        summary: 'list the node certificates that a daemon knows of',
        load: async () => (await import('./commands/certificate-list.ts')).certificateListCommand,
      },
      {
        name: 'renew',
        summary: 'make newer certificates and publish them',
        load: async () => (await import('./commands/certificate-renew.ts')).certificateRenewCommand,
      },
      {
        name: 'revoke',
        summary: 'take a node out of the network',
        load: async () =>
          (await import('./commands/certificate-revoke.ts')).certificateRevokeCommand,
      },
    ],
  },
  {
    name: 'peer',
    summary: 'about one node',
    commands: [
      {
        name: 'id',
        summary: 'print the peer id of a key or of a daemon',
        load: async () => (await import('./commands/peer-id.ts')).peerIdCommand,
      },
    ],
  },
  {
    name: 'network',
    summary: 'about the network',
    commands: [
      {
        name: 'id',
        summary: 'print the network id of a configuration or of a daemon',
        load: async () => (await import('./commands/network-id.ts')).networkIdCommand,
      },
      {
        name: 'heartbeat',
        summary: 'publish a heartbeat, by which nodes know that they are not cut off',
        load: async () => (await import('./commands/network-heartbeat.ts')).networkHeartbeatCommand,
      },
    ],
  },
  {
    name: 'store',
    summary: 'about the database of a daemon',
    commands: [
      {
        name: 'verify',
        summary: 'check the database of a daemon that does not run',
        load: async () => (await import('./commands/store-verify.ts')).storeVerifyCommand,
      },
    ],
  },
  {
    name: 'config',
    summary: 'about the configuration',
    commands: [
      {
        name: 'check',
        summary: 'report everything that is wrong with a configuration',
        load: async () => (await import('./commands/config-check.ts')).configCheckCommand,
      },
      {
        name: 'reference',
        summary: 'print what every key of the configuration means',
        load: async () => (await import('./commands/config-reference.ts')).configReferenceCommand,
      },
    ],
  },
  {
    name: 'completion',
    summary: 'print completion scripts for shells',
    commands: [
      {
        name: 'bash',
        summary: 'for bash',
        load: async () =>
          (await import('./commands/completion.ts')).completionScriptCommand('bash'),
      },
      {
        name: 'zsh',
        summary: 'for zsh',
        load: async () => (await import('./commands/completion.ts')).completionScriptCommand('zsh'),
      },
      {
        name: 'fish',
        summary: 'for fish',
        load: async () =>
          (await import('./commands/completion.ts')).completionScriptCommand('fish'),
      },
      {
        name: 'names',
        summary: 'print the names of signed files, for the scripts',
        load: async () => (await import('./commands/completion.ts')).completionNamesCommand,
      },
    ],
  },
  {
    name: 'manual',
    summary: 'write the manual pages',
    load: async () => (await import('./commands/manual.ts')).manualCommand,
  },
]
