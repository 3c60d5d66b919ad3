import { checksOf } from '../table.ts'
import type { Check } from '../table.ts'

const POWER = 'loses nothing, and shows nothing wrong, wherever the power fails'

const TREE_SURVIVES = 'a tree that is told of survives a power cut, whole'

/** Durability. */
export const durability: readonly Check[] = [
  ...checksOf('disk/staged', 'files/faults', [
    ['fsync of a file', POWER, ['await open.sync()', '']],
  ]),
  ...checksOf('disk/disk', 'files/faults', [
    [
      'fsync of its directory',
      POWER,
      [
        'await this.#move(from, to)\n    await this.#directories.sync(parentOf(to))',
        'await this.#move(from, to)',
      ],
    ],
  ]),
  ...checksOf('disk/disk', 'disk/memory', [
    [
      'fsync after a removal',
      'keeps what write answered to when the power fails',
      [
        'if (!(await this.#unlink(path))) return\n      await this.#directories.sync(parentOf(path))',
        'if (!(await this.#unlink(path))) return',
      ],
    ],
    [
      'fsync of the directory that a file was moved out of',
      'keeps what write answered to when the power fails',
      ['await this.#directories.sync(former)', 'return'],
    ],
  ]),
  ...checksOf('disk/directories', 'disk/memory', [
    [
      'fsync of a new directory',
      'keeps what write answered to when the power fails',
      [
        'await sync(parentOf(directory))\n    unsynced.delete(directory)',
        'unsynced.delete(directory)',
      ],
    ],
  ]),
  ...checksOf('unpack/extract', 'unpack/power-cut', [
    ['fsync of a file in a tree', TREE_SURVIVES, ['          await file.sync()\n', '']],
    ['fsync of the directories of a tree', TREE_SURVIVES, ['await syncTree(root, signal)', '']],
  ]),
  ...checksOf('unpack/places', 'unpack/power-cut', [
    [
      'fsync of the directory of all trees before a link leads to one',
      'wherever the power fails, the link leads to the whole of one tree',
      ['await sync(unpacked)', ''],
    ],
    [
      'fsync of the link to a tree',
      TREE_SURVIVES,
      ['await syncLink(name)\n      return', 'return'],
    ],
    ['fsync of directories above a link', TREE_SURVIVES, ['await sync(dirname(path))', '']],
    ['fsync of the directories of trees and links', TREE_SURVIVES, ['await sync(stateDir)', '']],
    [
      'fsync after the removal of a link',
      'a tree that is told to be gone is gone after a power cut',
      ['await sync(directory)', ''],
    ],
  ]),
  ...checksOf('store/environment', 'store/sync', [
    [
      'fsync of the database',
      'acknowledges nothing that the disk did not confirm',
      ['overlappingSync: false,', 'overlappingSync: false,\n    noSync: true,'],
    ],
  ]),
  ...checksOf('files/acceptor', 'files/faults', [
    [
      'the statement is durable before it is acknowledged',
      POWER,
      [
        'left = await catalogue.change(name, changeOf(taking))',
        'void catalogue.change(name, changeOf(taking)).catch(() => {})',
      ],
    ],
    [
      'the content is durable before its statement',
      POWER,
      ['await staged?.commit(contentPath(name, fresh), { mode: rule.policy.mode })', ''],
      [
        'left = await catalogue.change(name, changeOf(taking))',
        'left = await catalogue.change(name, changeOf(taking))\n      if (fresh !== undefined) await staged?.commit(contentPath(name, fresh), { mode: rule.policy.mode })',
      ],
    ],
  ]),
  ...checksOf('files/startup', 'files/startup', [
    [
      'names that the database has lost',
      'a name that the database has lost is taken in again, not moved away',
      ['await takeIn(components, statementsOfOthers(kept, there), found)', ''],
    ],
    [
      'statements of which the database keeps nothing that can be read',
      'a name whose kept statement alone is damaged loses nothing when the rule changes',
      ['lost.filter((path) => there.has(path)),', '[],'],
    ],
    [
      'files whose statements cannot be read now',
      'what cannot be read now is left where it is',
      ['if (name !== undefined && found.unread.has(statementPath(name))) continue', ''],
    ],
  ]),
  ...checksOf('disk/disk', 'disk/disk', [
    [
      'leftovers of a crash are removed',
      'removes everything from tmp when it is opened',
      ['else await this.#fileSystem.unlink(join(tmp, name))', ''],
    ],
  ]),
  ...checksOf('disk/lock', 'disk/lock', [
    [
      'lock of the state directory',
      'names the process that holds the lock, and takes it over when that was killed',
      ['PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE', 'SELECT 1'],
    ],
  ]),
  ...checksOf('disk/directories', 'disk/disk', [
    [
      'links in the state directory',
      'follows no link below the root',
      [
        'if ((await fileSystem.realpath(path)) !== path) throw linkError(path)',
        'await fileSystem.realpath(path)',
      ],
    ],
  ]),
  ...checksOf('disk/paths', 'disk/disk', [
    [
      'paths that leave the state directory',
      'refuses paths that leave the tree or cannot be',
      ["part !== '..' &&", ''],
    ],
  ]),

  ...checksOf('store/lmdb', 'store/damage', [
    [
      'entries that a page has lost',
      'a page with other entries than it had is noticed by who reads the whole table',
      ['if (count < expected && isStill) {', 'if (isStill && false) {'],
    ],
    [
      'renewal of a database after deaths',
      'after two deaths every entry is copied into new pages, and none is lost',
      ['if (await renewDatabase(this.#path))', 'if (this.#closing)'],
    ],
  ]),
  ...checksOf('daemon/daemon', 'integration/damage', [
    [
      'word of damage that is met while it runs',
      'damage that is met while it runs is said at once, and mended by a restart',
      ['onSuspicion: (error) => warnOfSuspicion({ health }, storePath, error),', ''],
    ],
  ]),
  ...checksOf('store/lmdb', 'integration/damage', [
    [
      'a closer look after damage and a kill',
      'damage that is met while it runs is said at once, and mended by a restart',
      ['void this.#opened?.openings.raise(INSPECT_AFTER_UNCLEAN_OPENS)', ''],
    ],
  ]),
  ...checksOf('store/inspect', 'store/damage', [
    [
      'who ended the check of a database',
      'a check that is ended from outside says nothing about the database',
      [
        "const FROM_OUTSIDE: readonly string[] = ['SIGTERM', ",
        'const FROM_OUTSIDE: readonly string[] = [',
      ],
    ],
  ]),
  ...checksOf('store/inspect', 'store/inspect', [
    [
      'a lock of its own for the check of a database',
      'a check shares no lock with whoever uses the database',
      ['runProgram(await isolate(work), undefined)', 'runProgram(path, undefined)'],
    ],
  ]),
  ...checksOf('store/migrations', 'store/memory', [
    [
      'a store of a newer version',
      'refuses a store that a newer version wrote',
      ['if (found !== undefined && found > current) {', 'if (false) {'],
    ],
  ]),
]
