import type { ErrorCode } from '../errors/index.ts'

/** What the exit code of `mesh` means. Scripts rely on these: they never change. */
export const exitCodes = {
  ok: { code: 0, meaning: 'It worked.' },
  failure: { code: 1, meaning: 'Something else went wrong; the message says what.' },
  usage: { code: 2, meaning: 'The command line is wrong, or a file it names cannot be used.' },
  notFound: { code: 3, meaning: 'There is no such file, or the daemon is not configured for it.' },
  refused: { code: 4, meaning: 'Refused by policy, or in conflict with what is there already.' },
  unreachable: { code: 5, meaning: 'No daemon answers, or not in time. Trying again may help.' },
  unverified: { code: 6, meaning: 'A signature, certificate or content does not check out.' },
  config: { code: 7, meaning: 'The configuration is wrong, or cannot be read.' },
  key: { code: 8, meaning: 'A key, passphrase or pre-shared key cannot be used.' },
  loses: { code: 9, meaning: 'The configuration would withdraw files or show older versions.' },
  unwell: { code: 10, meaning: 'Something keeps a node from working, as mesh doctor has found.' },
  interrupted: { code: 130, meaning: 'Interrupted (Ctrl-C).' },
} as const satisfies Record<string, { readonly code: number; readonly meaning: string }>

export type ExitName = keyof typeof exitCodes

/** Codes by the exit they lead to; every other code leads to `failure`. */
export const exitGroups: Readonly<Partial<Record<ExitName, readonly ErrorCode[]>>> = {
  usage: [
    'ERR_USAGE',
    'ERR_FILE_NAME_INVALID',
    'ERR_NETWORK_ID_INVALID',
    'ERR_INPUT_UNREADABLE',
    'ERR_OUTPUT_EXISTS',
  ],
  notFound: ['ERR_FILE_NOT_FOUND', 'ERR_FILE_NOT_CONFIGURED', 'ERR_FILE_CONTENT_MISSING'],
  refused: [
    'ERR_FILE_SIGNER_NOT_ALLOWED',
    'ERR_FILE_THRESHOLD',
    'ERR_FILE_CERTIFICATE',
    'ERR_FILE_BELOW_MINIMUM',
    'ERR_FILE_TOO_MANY',
    'ERR_FILE_NETWORK_MISMATCH',
    'ERR_FILE_NOT_NEWER',
    'ERR_PRECONDITION_FAILED',
    'ERR_FILE_VERSION_JUMP',
    'ERR_FILE_TIME_AHEAD',
    'ERR_FILE_TOO_LARGE',
    'ERR_REQUEST_FORBIDDEN',
    'ERR_TOKEN_INVALID',
  ],
  unreachable: [
    'ERR_DAEMON_UNREACHABLE',
    'ERR_DAEMON_BUSY',
    'ERR_TIMEOUT',
    'ERR_RESPONSE_MALFORMED',
  ],
  unverified: [
    'ERR_SIGNATURE_INVALID',
    'ERR_SSHSIG_MALFORMED',
    'ERR_SIGNATURE_UNSUPPORTED',
    'ERR_STATEMENT_MALFORMED',
    'ERR_FILE_CONTENT_MISMATCH',
    'ERR_BLOCK_MISMATCH',
    'ERR_FILE_EXPIRED',
    'ERR_CERTIFICATE_MALFORMED',
    'ERR_CERTIFICATE_INVALID',
    'ERR_CERTIFICATE_EXPIRED',
    'ERR_CERTIFICATE_MISMATCH',
    'ERR_CERTIFICATE_REVOKED',
    'ERR_TRUST_MALFORMED',
  ],
  config: ['ERR_CONFIG_NOT_FOUND', 'ERR_CONFIG_SYNTAX', 'ERR_CONFIG_INVALID'],
  key: [
    'ERR_KEY_MALFORMED',
    'ERR_KEY_WEAK',
    'ERR_KEY_PASSPHRASE',
    'ERR_KEY_INSECURE',
    'ERR_KEY_UNREADABLE',
    'ERR_PSK_MALFORMED',
    'ERR_TOKEN_MALFORMED',
    'ERR_AGENT_UNREACHABLE',
    'ERR_AGENT_REFUSED',
  ],
  loses: ['ERR_CONFIG_LOSES'],
  unwell: ['ERR_UNWELL'],
  interrupted: ['ERR_ABORTED'],
}

const isExitName = (name: string): name is ExitName => Object.hasOwn(exitCodes, name)

/** Exit code of an error. */
export const exitCodeOf = (code: ErrorCode): number => {
  const found = Object.entries(exitGroups).find(([, codes]) => codes?.includes(code))
  const name = found?.[0] ?? 'failure'
  return exitCodes[isExitName(name) ? name : 'failure'].code
}
