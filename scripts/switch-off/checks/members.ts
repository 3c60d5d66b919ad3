import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

const CERTIFICATES = 'refuses the golden forgeries with the right code'

/** Who is a member. */
export const members: readonly Check[] = [
  ...checksOf('keys/certificate', 'keys/certificate', [
    [
      'signature of a certificate',
      CERTIFICATES,
      ['if (!verifySsh(signature, utf8(signedText))) {', 'if (false) {'],
    ],
    [
      'network key of a certificate',
      CERTIFICATES,
      ['if (!networkKeys.includes(signer)) {', 'if (false) {'],
    ],
    [
      'network of a certificate',
      CERTIFICATES,
      ['if (certificate.network !== network) {', 'if (false) {'],
    ],
    [
      'node key of a certificate',
      CERTIFICATES,
      ['if (key !== undefined && certificate.key !== key) {', 'if (false) {'],
    ],
    [
      'expiry of a certificate',
      'expires to the millisecond, and only by the expiry',
      ['if (nowMs >= certificate.expires) {', 'if (false) {'],
    ],
    [
      'purpose of the signature of a certificate',
      CERTIFICATES,
      ['if (signature.namespace !== CERTIFICATE_NAMESPACE) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('transport/membership', 'transport/membership', [
    [
      'revocation of a certificate',
      'a certificate that has lost its right admits nobody; another one of the key may',
      ['checkRevoked?.(found)', ''],
    ],
    [
      'certificate needed',
      'with network keys, everything else is refused by name',
      [
        'if (texts.length > 0) return newest(',
        'if (texts.length === 0) return {}\n      return newest(',
      ],
    ],
  ]),
  ...checksOf('transport/members', 'transport/members', [
    [
      'a connection ends with its certificate',
      'a connection ends when the certificate of its peer expires',
      ['if (expiresAtMs === undefined) return', 'return'],
    ],
  ]),
  ...checksOf('transport/private-network', 'transport/private-network', [
    [
      'pre-shared key',
      'another key, or none, is noticed at once and named on both sides',
      [
        'if (equalBytes(cipher.apply(enciphered), GREETING)) return',
        'if (cipher.apply(enciphered)) return',
      ],
    ],
  ]),

  ...checksOf('keys/point', 'keys/point', [
    [
      'keys of small order',
      'refuses every encoding of a point of small order',
      ["return point.isSmallOrder() ? 'small-order' : undefined", 'return point && undefined'],
    ],
    [
      'keys not canonical',
      'refuses every y of p and above',
      ["if (compareBytes(y, PRIME) >= 0) return 'non-canonical'", ''],
    ],
  ]),
  ...checksOf('keys/public-key', 'keys/public-key', [
    [
      'ed25519 itself',
      'takes a signature for exactly its message and its key',
      ['verify(null, message, importKey(key), signature)', 'importKey(key) !== undefined'],
    ],
  ]),
  ...checksOf('config/secret', 'config/secret', [
    [
      'permissions of private keys',
      'refuses a secret that is open to everybody, also behind a link',
      ['if ((stat.mode & 0o007) !== 0) {', 'if (false) {'],
    ],
  ]),
  // A connection that was let in and goes no further.
  ...checksOf('transport/libp2p-transport', 'transport/places', [
    [
      'certificate of a connection that has waited',
      'a connection that was let in does not outlive the revocation of its peer',
      ['session.admission = membership.admit(session.certificate, session.peer)', ''],
    ],
    [
      'standing of a peer whose connection has waited',
      'a connection that was let in does not outlive the standing of its peer',
      ['      checkPlace(session.peer)\n', ''],
    ],
    [
      'pre-shared key of a connection that has waited',
      'a connection that was let in does not outlive its pre-shared key',
      ['handshakes.cut(reason)', ''],
    ],
  ]),
  ...checksOf('transport/handshakes', 'transport/places', [
    [
      'time until a multiplexer is agreed upon',
      'whoever is let in and goes no further is cut in time',
      [
        "if (handshake.stage !== 'complete') connection",
        "if (handshake.stage !== 'admitted') connection",
      ],
    ],
  ]),
  ...checksOf('transport/members', 'transport/places', [
    [
      'connections of one peer',
      'one member takes the places of nobody else',
      ['      dropSpare(member)\n', ''],
    ],
  ]),
  ...checksOf('transport/libp2p-transport', 'transport/members', [
    [
      'number of connections',
      'no more connections than allowed, and who comes too late is told so',
      ['if (members.connectionCount < maxConnections) return', 'return'],
    ],
  ]),
  ...checksOf('transport/guarded-connection', 'transport/membership-exchange', [
    [
      'bytes of whoever is no member yet',
      'a stranger that greets and then proposes for ever is cut off at the limit',
      ['#allowedBytes = MAX_HANDSHAKE_BYTES', '#allowedBytes = Number.POSITIVE_INFINITY'],
    ],
  ]),
  ...checksOf('transport/membership-exchange', 'transport/membership-exchange', [
    [
      'length of a message about membership',
      'who proves its key and then does not keep to the exchange is refused',
      ['      maxDataLength: MAX_MEMBERSHIP_MESSAGE_BYTES,\n', ''],
    ],
  ]),
  ...checksOf('transport/handshakes', 'transport/handshakes', [
    [
      'time of a handshake',
      'says why a handshake came to nothing',
      ['clock.schedule(HANDSHAKE_TIMEOUT_MS, ', 'clock.schedule(1e12, '],
    ],
  ]),
  ...checksOf('transport/libp2p-transport', 'transport/members', [
    [
      'connections of those who lose their right',
      'a reload ends the connections of those who lose their right, and no others',
      ['members.judge(next)', ''],
    ],
  ]),
  ...checksOf('transport/libp2p-node', 'transport/multiplexer', [
    [
      'an avoided peer is not let in',
      'the third attack of one member makes it avoided',
      ['    init.checkPlace(peer)\n', ''],
    ],
  ]),
]
