/** Every error code with the sentence that `docs/errors.md` shows for it. */
export const errorTable = {
  // Keys and trust
  ERR_KEY_MALFORMED: 'A public or private key could not be read.',
  ERR_KEY_WEAK:
    'A public key is non-canonical or of small order and would accept forged signatures.',
  ERR_KEY_PASSPHRASE: 'A private key needs a passphrase, or the one given is wrong.',
  ERR_KEY_INSECURE: 'A private key file can be read by others.',
  ERR_KEY_UNREADABLE: 'A file with a key or a secret cannot be read.',
  ERR_AGENT_UNREACHABLE: 'No ssh-agent answers, or it does not answer like one.',
  ERR_AGENT_REFUSED: 'The ssh-agent refuses to sign, or has no such key.',
  ERR_PSK_MALFORMED: 'A pre-shared key file is not in the libp2p swarm key format.',
  ERR_SSHSIG_MALFORMED: 'An SSH signature is not in the one accepted form.',
  ERR_SIGNATURE_INVALID: 'A signature does not match what it is said to sign.',
  ERR_CERTIFICATE_MALFORMED: 'A node certificate could not be read.',
  ERR_CERTIFICATE_INVALID:
    'A node certificate is signed by no configured network key, or its signature is wrong.',
  ERR_CERTIFICATE_EXPIRED: 'A node certificate has expired.',
  ERR_CERTIFICATE_MISMATCH: "A node certificate names another node's key or another network.",
  ERR_CERTIFICATE_MISSING: 'The network asks for a node certificate and none was shown.',
  ERR_CERTIFICATE_REVOKED: 'A network key has revoked a node or its certificate.',
  ERR_TRUST_MALFORMED: "One of the network's own files (_mesh/…) could not be read.",

  // Statements and files
  ERR_SIGNATURE_UNSUPPORTED: 'A signature is of a kind that this version does not know yet.',
  ERR_STATEMENT_MALFORMED: 'A statement is not in the canonical form.',
  ERR_NETWORK_ID_INVALID: 'A network id breaks the rules for ids.',
  ERR_FILE_NAME_INVALID: 'A file name breaks the rules for names.',
  ERR_FILE_NOT_CONFIGURED: 'This node is not configured for a file of this name.',
  ERR_FILE_NETWORK_MISMATCH: 'A statement was signed for another network.',
  ERR_FILE_SIGNER_NOT_ALLOWED: 'No signature is by a signer that may sign this file.',
  ERR_FILE_THRESHOLD: 'A statement has fewer signatures than the file asks for.',
  ERR_FILE_CERTIFICATE: 'A statement of a namespace comes without a certificate that allows it.',
  ERR_FILE_BELOW_MINIMUM: 'A version is below the lowest that this node takes.',
  ERR_FILE_TOO_MANY: 'A signer has as many files under a pattern as it may have.',
  ERR_FILE_NOT_NEWER: 'A statement loses to the version that this node already has.',
  ERR_FILE_TIME_AHEAD: "A statement's time is too far ahead of this node's clock.",
  ERR_FILE_VERSION_JUMP: 'A version number jumps far ahead of the current one.',
  ERR_FILE_EXPIRED: 'A statement has expired already.',
  ERR_FILE_TOO_LARGE: 'Content is larger than this node allows for the file.',
  ERR_FILE_CONTENT_MISMATCH: 'Content is not what its statement says.',
  ERR_FILE_CONTENT_MISSING:
    'A file is known by its statement, but its content has not arrived yet.',
  ERR_TREE_REFUSED: 'A tar holds something that is not unpacked.',
  ERR_FILE_NOT_FOUND: 'No file of this name is shown.',

  // Blocks
  ERR_BLOCK_MISMATCH: 'Bytes are not the block that they are said to be.',
  ERR_BLOCK_QUOTA: 'There is no room left for blocks that this node keeps.',

  // State directory
  ERR_STATE_LOCKED: 'Another daemon uses the state directory.',
  ERR_STATE_UNUSABLE: 'The state directory cannot be read or written.',
  ERR_STATE_CORRUPT: 'Stored data is damaged.',
  ERR_STATE_NEWER: 'The state directory was written by a newer version of mesh.',
  ERR_DISK_FULL: 'The disk is full.',

  // Configuration
  ERR_CONFIG_NOT_FOUND: 'The configuration file cannot be read.',
  ERR_CONFIG_SYNTAX: 'The configuration file is not valid TOML.',
  ERR_CONFIG_INVALID: 'The configuration file has an unknown key or a bad value.',
  ERR_CONFIG_LOSES: 'A configuration would withdraw files or show older versions of them.',

  // Network
  ERR_ADDRESS_INVALID: 'A network address is not a usable multiaddr.',
  ERR_PEER_UNREACHABLE: 'A peer could not be reached.',
  ERR_PEER_REFUSED: 'A peer refused the connection.',
  ERR_PSK_MISMATCH: 'A peer does not have the pre-shared key of this network, or has another one.',
  ERR_PEER_MISBEHAVED: 'A peer broke a protocol.',
  ERR_PROTOCOL_MALFORMED: 'Bytes on the wire are not a valid message.',
  ERR_STREAM_CLOSED: 'A stream ended before the exchange was complete.',
  ERR_LIMIT_EXCEEDED: 'A limit on size, count or rate was exceeded.',
  ERR_TIMEOUT: 'Something took longer than it may.',

  // HTTP and CLI
  ERR_REQUEST_MALFORMED: 'A request could not be understood.',
  ERR_REQUEST_FORBIDDEN: 'This request is not allowed on this listener.',
  ERR_REQUEST_TOO_LARGE: 'The address or the header fields of a request are too long.',
  ERR_REQUEST_TOO_SLOW: 'A request arrived more slowly than this node waits for.',
  ERR_PRECONDITION_FAILED: 'The current version is not the one that the request is meant for.',
  ERR_TOKEN_INVALID: 'A bearer token is not one of those that this daemon takes.',
  ERR_TOKEN_MALFORMED: 'A file of bearer tokens is not in the form that is read.',
  ERR_RANGE_INVALID: 'The range that was asked for is not in the file.',
  ERR_ROUTE_NOT_FOUND: 'There is no such route.',
  ERR_METHOD_NOT_ALLOWED: 'The route does not know this method.',
  ERR_LISTEN_FAILED: 'An address or a socket cannot be listened on.',
  ERR_DAEMON_UNREACHABLE: 'No daemon answers at the given address.',
  ERR_DAEMON_BUSY: 'A daemon has no connection free for one more client; it may try again.',
  ERR_RESPONSE_MALFORMED: 'What answers at the given address does not answer like a mesh daemon.',
  ERR_OUTPUT_EXISTS: 'A file would be overwritten; say so with --force.',
  ERR_INPUT_UNREADABLE: 'A file named on the command line cannot be read or written.',
  ERR_INPUT_CHANGED: 'A file changed while it was being read.',
  ERR_USAGE: 'A command was called with wrong arguments.',
  ERR_UNWELL: 'Something keeps a node from working, as mesh doctor has found.',
  ERR_ABORTED: 'The operation was cancelled.',
  ERR_INTERNAL: 'Something failed that should not; this is a defect of mesh.',
} as const satisfies Record<`ERR_${string}`, string>

/** Stable name of a condition; the only thing to identify an error by. */
export type ErrorCode = keyof typeof errorTable

/** Facts about one occurrence, for machines; secrets never go in here. */
export type ErrorData = Readonly<Record<string, string | number | boolean | null>>

/**
 * An expected failure. `message` says what failed, which thing, and what to do next; identify the
 * condition by `code`, never by the message.
 */
export class MeshError extends Error {
  override readonly name = 'MeshError'
  readonly code: ErrorCode
  readonly data: ErrorData

  constructor(
    code: ErrorCode,
    message: string,
    options: { data?: ErrorData; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.data = options.data ?? {}
  }
}

/** Whether `error` is a {@link MeshError}, and of the given code if one is named. */
export const isMeshError = (error: unknown, code?: ErrorCode): error is MeshError =>
  error instanceof MeshError && (code === undefined || error.code === code)

/** `error` itself if it is expected, else an `ERR_INTERNAL` that carries it as its cause. */
export const toMeshError = (error: unknown): MeshError =>
  isMeshError(error)
    ? error
    : new MeshError('ERR_INTERNAL', error instanceof Error ? error.message : String(error), {
        cause: error,
      })
