import * as v from 'valibot'
import { MAX_PSKS } from '../../keys/index.ts'
import { parseNetworkId } from '../../statement/index.ts'
import { MAX_NETWORK_KEYS } from '../limits.ts'
import { anyTable, list, path, setting, table, textOf } from '../values.ts'
import { publicKey } from './shared.ts'

/** One path, or a list of them. */
const paths = (maxItems: number) =>
  v.lazy((input) =>
    Array.isArray(input)
      ? list(path(), 'paths', maxItems)
      : v.pipe(
          path(),
          v.transform((each) => [each]),
        ),
  )

export const network = table({
  id: v.pipe(
    v.optional(textOf('a string', (text) => parseNetworkId(text))),
    setting({
      type: 'string',
      fallback: '`"local"` without `keys` and `psk`, else required',
      about:
        'Stable id of the network, part of every statement, so that nothing signed for one network counts in another. `mesh generate network` makes one.',
    }),
  ),
  keys: v.pipe(
    v.optional(list(publicKey(), 'public keys', MAX_NETWORK_KEYS), []),
    setting({
      type: 'list of public keys',
      about:
        'Network keys. With one or more, a peer must show a certificate that one of them signed before any other protocol is spoken (`mesh generate network-key`, `mesh certificate sign`).',
    }),
  ),
  psk: v.pipe(
    v.optional(paths(MAX_PSKS), []),
    setting({
      type: 'path or list of paths',
      secret: true,
      about:
        'Files of pre-shared keys (`mesh generate psk`). Without the right key a machine gets no handshake at all. Several: the first is dialled with, all are accepted, so that a key can be changed without an interruption.',
    }),
  ),
  certificate: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      secret: true,
      fallback: 'none',
      about:
        "This node's certificate; needed when the other nodes have `keys`. Read again on SIGHUP.",
    }),
  ),
  identity_key: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      secret: true,
      fallback: '`identity.key` in `state_dir`',
      about:
        'Private key that is this node. Made on first start, with mode 0600, if it is missing; the peer id follows from it and survives restarts.',
    }),
  ),
  files: v.pipe(
    v.optional(anyTable('a table of file names')),
    setting({
      type: 'table',
      fallback: 'empty',
      about: 'The same as `[files]`; both are read, and a name in both is an error.',
    }),
  ),
})
