import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

/** What machine. */
export const machine: readonly Check[] = [
  ...checksOf('unpack/entries', 'unpack/extract', [
    [
      'absolute paths in a tar',
      'refuses an absolute path',
      ["if (path.startsWith('/')) throw", 'if (false) throw'],
    ],
    [
      'paths out of a tree',
      'refuses a path that leads out',
      ["if (part === '..') throw", 'if (false) throw'],
    ],
    [
      'characters of paths in a tar',
      'refuses a line feed in a name',
      ['if (BAD_CHARACTERS.test(path)) throw', 'if (false) throw'],
    ],
    [
      'depth of a tree',
      'refuses a path that is too deep',
      ['if (parts.length > MAX_TREE_DEPTH) {', 'if (false) {'],
    ],
    [
      'links to absolute paths',
      'refuses a link to an absolute path',
      ["if (target.startsWith('/')) throw", 'if (false) throw'],
    ],
    [
      'links out of a tree',
      'refuses a link that leads out',
      ['if (up > parts.length - 1) throw', 'if (false) throw'],
    ],
    [
      'links through links',
      'refuses a link that leads out through another',
      ["if (steps.slice(up).includes('..')) throw", 'if (false) throw'],
    ],
    [
      'files through links',
      'refuses a file through a link',
      ["if (found === 'file' || found === 'link') {", 'if (false) {'],
    ],
    [
      'names twice in a tar',
      'refuses a name twice',
      ['if (found !== undefined) throw', 'if (false) throw'],
    ],
    [
      'names that differ in case',
      'refuses names that differ in case',
      [
        "if (found.exact === sha256(parts.join('/')).slice(0, 24)) return found.kind",
        'return found.exact === sha256(parts.join("/")).slice(0, 24) ? found.kind : undefined',
      ],
    ],
    [
      'entries of a tar',
      'refuses more entries than may be',
      ['if (kinds.size >= MAX_TREE_ENTRIES)\n', 'if (false)\n'],
    ],
  ]),
  ...checksOf('unpack/read-tar', 'unpack/extract', [
    [
      'bytes of a tree',
      'refuses more bytes than may be',
      ['if (bytes > maxBytes) throw', 'if (false) throw'],
    ],
    [
      'devices and hard links in a tar',
      'refuses a hard link',
      ['    throw refusedType(entry)\n', '    return async () => void entry.resume()\n'],
    ],
    [
      'a tar that was cut off',
      'refuses a tar without an end',
      ['if (!complete) throw', 'if (false) throw'],
    ],
    [
      'compressed tars',
      'refuses what is compressed, whatever else it looks like',
      ['if (name !== undefined) throw', 'if (false) throw'],
    ],
  ]),
  ...checksOf('unpack/extract', 'unpack/extract', [
    [
      'permissions in a tree',
      'modes are those of the policy',
      [
        'await file.chmod(fileMode(mode, program))',
        'await file.chmod(fileMode(mode, program) | 0o002)',
      ],
    ],
  ]),
  ...checksOf('hooks/hooks', 'hooks/hooks', [
    [
      'hooks as root',
      'runs nothing as root, unless that is allowed, and says so',
      ['!isRoot || init.allowRoot', '!isRoot || init !== undefined'],
    ],
    [
      'environment of hooks',
      'runs with what the file is, in arguments and environment',
      ['const passed = PASSED_ON.flatMap(', 'const passed = Object.keys(environment).flatMap('],
    ],
    [
      'hooks at a time',
      'a bounded number runs at once, whatever changes',
      ['running.size < MAX_HOOKS_AT_ONCE', 'running.size >= 0'],
    ],
  ]),
  ...checksOf('hooks/run-command', 'hooks/run-command', [
    [
      'what a hook leaves running',
      'what it leaves running is ended with it, and does not hold us',
      ["signalGroup(child, 'SIGKILL')\n      ended = endLeftovers(run).catch(() => {})", ''],
    ],
    [
      'output of a hook',
      'a flood is ended, and little of it is told',
      [
        'if (output.add(stream, piece) <= MAX_HOOK_FLOOD_BYTES) return',
        'output.add(stream, piece)\n        return',
      ],
    ],
  ]),
  ...checksOf('store/descriptors', 'hooks/run-command', [
    [
      'descriptors of a hook',
      'does not get at the store of the daemon, which LMDB leaves open for it',
      ['if (inherited.size === 0) return', 'if (inherited.size >= 0) return'],
    ],
  ]),
  ...checksOf('config/secret', 'config/secret', [
    [
      'size of a key file',
      'refuses what is no key file',
      ['if (stat.size > MAX_SECRET_BYTES) {', 'if (false) {'],
    ],
  ]),
  ...checksOf('keys/agent', 'keys/agent', [
    [
      'signature of an agent',
      'a signature is used only if it is the key’s own, of what was to be signed',
      ['if (verifySignature(key, message, signature)) return signature', 'return signature'],
    ],
  ]),
]
