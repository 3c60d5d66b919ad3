/** Which limits the table of checks is about, and which it leaves out. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Check } from './table.ts'

/** Folders whose limits somebody else meets: each has a row, a row that stands for it, or a reason. */
const FOLDERS = ['transport', 'sync', 'http', 'files']

/** What bounds a number, a length, a rate or a time. */
const LIMIT = /^export const ((?:DEFAULT_)?MAX_\w+|\w+_PER_(?:SECOND|MINUTE)|\w+_TIMEOUT_MS)\b/gm

export const limitsOf = (root: string): string[] =>
  FOLDERS.flatMap((folder) => {
    const text = readFileSync(join(root, 'src', folder, 'limits.ts'), 'utf8')
    return [...text.matchAll(LIMIT)].map(([, name = '']) => name)
  })

/** The lines that a check changes, whole. */
export const linesOf = (root: string, { edits }: Check): string =>
  edits
    .map(({ file, find }) => {
      const text = readFileSync(join(root, file), 'utf8')
      const start = text.lastIndexOf('\n', text.indexOf(find)) + 1
      const end = text.indexOf('\n', text.indexOf(find) + find.length - 1)
      return text.slice(start, end < 0 ? text.length : end)
    })
    .join('\n')

/** Limits whose number stands in another line than the check: the name of the row that takes that away. */
export const stoodFor: Readonly<Record<string, string>> = {
  ANNOUNCED_PER_SECOND: 'rate of announcements and claims',
  DEFAULT_MAX_CONNECTIONS: 'number of connections',
  DEFAULT_MAX_FILES: 'names of one signer under a pattern',
  DEFAULT_MAX_INBOUND_BYTES_PER_SECOND: 'bytes that a member sends in a second',
  MAX_CLAIMS: 'claims of all contents',
  MAX_CONNECTIONS: 'number of HTTP connections',
  MAX_CONNECTIONS_PER_PEER: 'connections of one peer',
  MAX_CONTROL_FRAMES_PER_SECOND: 'rate of pings',
  MAX_LINGER_BYTES: 'what is read of a refused body',
  MAX_LISTS_PER_MINUTE: 'rate of lists of names',
  MAX_NAMES_CACHE_BYTES: 'lists of names that are remembered',
  MAX_NEW_STREAMS_PER_SECOND: 'rate of new streams',
  MAX_PASSED_CONTENTS: 'sets that forget',
  MAX_PEER_EXCHANGE_BYTES: 'size of frames',
  MAX_PEER_EXCHANGES_PER_MINUTE: 'rate of exchanges of peers',
  MAX_RATED_CLIENTS: 'rates that are remembered',
  MAX_RATED_PEERS: 'rates that are remembered',
  MAX_REMEMBERED_BUDGETS: 'rates that are remembered',
  MAX_REMEMBERED_CHANGES: 'changes that are remembered',
  MAX_REMEMBERED_HOLDERS: 'sets that forget',
  MAX_ROUND_BYTES: 'bytes of one round',
  MAX_ROUND_RECORDS: 'records of one round',
  MAX_SEEN_RECORDS: 'sets that forget',
  MAX_SMALL_FRAMES_PER_SECOND: 'rate of tiny frames',
  MAX_SOUGHT_CONTENTS: 'contents that are looked for',
  MAX_VIEWS_BYTES: 'views that are remembered',
  MAX_WINDOW_UPDATES_PER_SECOND: 'rate of window updates',
  OPENED_BLOCKS_PER_SECOND: 'rate of contents that are opened',
  RANGES_PER_SECOND: 'rate of ranges',
  RECORD_BYTES_PER_SECOND: 'rate of records',
  RELAY_RECORDS_PER_SECOND: 'rate of what is passed on',
  ROUNDS_PER_SECOND: 'rate of rounds',
}

/** Limits without a row, and why. */
export const withoutRow: readonly { readonly why: string; readonly limits: readonly string[] }[] = [
  {
    why: 'what a node does of itself: how much at a time, and how long it waits before the next attempt',
    limits: [
      'MAX_ANNOUNCED_ROUND_RECORDS',
      'MAX_BACKOFF_MS',
      'MAX_FETCH_BACKOFF_MS',
      'MAX_IDLE_BACKOFF_MS',
      'MAX_IDLE_BUFFER_BYTES',
      'MAX_NAMES_AT_ONCE',
      'MAX_OPENINGS',
      'MAX_PARALLEL_ACCEPTS',
      'MAX_PARALLEL_DIALS',
      'MAX_PARALLEL_ROUNDS',
      'MAX_WINDOW_BYTES',
      'MAX_REQUEST_RECORDS',
      'MAX_SENDING_BLOCKS',
      'MAX_TOLD_ANEW_INTERVAL_MS',
      'MAX_WRITING_BLOCKS',
    ],
  },
  {
    why: 'a number that libp2p or Node is given, and keeps',
    limits: [
      'CONNECTION_CLOSE_TIMEOUT_MS',
      'IDLE_TIMEOUT_MS',
      'MAX_DHT_STREAMS',
      'MAX_OUTBOUND_STREAMS',
      'MAX_STREAM_SEND_BUFFER_BYTES',
      'MAX_STREAM_WINDOW_BYTES',
      'SOCKET_IDLE_TIMEOUT_MS',
    ],
  },
  {
    why: 'how much is shown or logged',
    limits: [
      'MAX_LONELY_REASONS',
      'MAX_UNREACHABLE_SHOWN',
      'MAX_USES_EXPLAINED',
      'REFUSALS_LOGGED_PER_MINUTE',
    ],
  },
  {
    why: 'damage in our own store, which the checks of its rows find as well',
    limits: ['MAX_FINGERPRINT_BYTES', 'MAX_RECORDS_PER_NAME'],
  },
  {
    why: 'a program of the machine itself (`ip`), whose answer the one bounds where the other does not',
    limits: ['ALTNAME_TIMEOUT_MS', 'MAX_ALTNAME_CHARACTERS'],
  },
]
