import t from 'tap'
import { check, keyOf, keyText, onlyMessage, parse, places } from './fixtures.ts'

const key = keyText(1)

/** What is in every entry that does not say otherwise. */
const defaults = {
  ...{ threshold: 1, history: 5, minVersion: 1, purgeAfterMs: 0 },
  ...{ maxSizeBytes: 64 * 2 ** 20, mode: 0o644 },
}

t.test('reads the short and the long form, and keys in all three formats', async (t) => {
  const pem = keyText(3, 'pem')
  const { files } = parse(`
[files]
"short" = ["${key}", "${keyText(2, 'base64')}", """${pem}"""]
[files."a/long.pem"]
signers = ["${key} alice@example"]
max_size = "1.5KiB"
mode = "0600"
`)
  t.same(files, [
    { ...defaults, name: 'a/long.pem', signers: [keyOf(1)], maxSizeBytes: 1536, mode: 0o600 },
    {
      name: 'short',
      signers: [keyOf(1), keyOf(2), keyOf(3)].sort(),
      ...defaults,
    },
  ])
})

t.test('reads [files] and [network.files]; a name in both is an error', async (t) => {
  const both = (second: string): string =>
    `[files]\n"x" = ["${key}"]\n[network.files]\n"${second}" = ["${key}"]`
  t.same(
    parse(both('y')).files.map(({ name }) => name),
    ['x', 'y'],
  )
  t.same(places(both('x')), ['4:1 network.files.x'])
  t.match(onlyMessage(both('x')), /is there twice; the other one is files\.x/)
})

t.test('a key that is listed twice counts once', async (t) => {
  const { files } = parse(`[files]\nx = ["${key}", "${keyText(1, 'base64')}"]`)
  t.same(files[0]?.signers, [keyOf(1)])
})

const two = `signers = ["${key}", "${keyText(2)}"]`
const many = (count: number): string =>
  `signers = [${Array.from({ length: count }, (_, index) => `"${keyText(index + 10)}"`).join(', ')}]`

t.test('reads everything that the long form knows, and patterns', async (t) => {
  const { files } = parse(`
[network]
id = "net"
keys = ["${keyText(9)}"]
[files]
"health/*" = "self"
[files."certs/web-*"]
signers = ["${keyText(2)}", "${key}"]
threshold = 2
delete_signers = ["${keyText(3)}"]
history = 2
min_version = 7
purge_after = "1d"
max_files = 12
[files.x]
${two}
fallback = "default/x"
[files."load/*"]
signers = "self"
max_size = "1KiB"
`)
  const self = { network: 'net', networkKeys: [keyOf(9)] }
  const signers = [keyOf(1), keyOf(2)].sort()
  t.same(files, [
    {
      ...{ ...defaults, name: 'certs/web-*', signers, threshold: 2, deleteSigners: [keyOf(3)] },
      ...{ history: 2, minVersion: 7, purgeAfterMs: 86_400_000, maxFiles: 12 },
    },
    { name: 'health/*', signers: [], ...defaults, maxFiles: 1000, self },
    { name: 'load/*', signers: [], ...defaults, maxSizeBytes: 1024, maxFiles: 1000, self },
    { name: 'x', signers, ...defaults, fallbackPath: '/etc/mesh/default/x' },
  ])
})

t.test('points at the key of the long form that contradicts another', async (t) => {
  t.same(places(`[files.x]\n${two}\nthreshold = 3`), ['3:1 files.x.threshold'])
  t.same(places('[files]\n"a/*" = "self"'), ['2:1 files."a/*"'])
  t.same(places('[files."a/b/*"]\nsigners = "self"\n[network]\nid = "x"\nkeys = []').slice(0, 1), [
    '2:1 files."a/b/*".signers',
  ])
})

t.test('refuses patterns that could not live with other entries on a disk', async (t) => {
  t.match(onlyMessage(`[files]\n"a" = ["${key}"]\n"a/*" = ["${key}"]`), /would be its directory/)
  t.match(onlyMessage(`[files]\n"a/*" = ["${key}"]\n"A/*" = ["${key}"]`), /differs only in case/)
  t.equal(
    parse(`[files]\n"a/*" = ["${key}"]\n"a/b" = ["${key}"]\n"a/b-*" = ["${key}"]`).files.length,
    3,
  )
})

t.test('refuses entries that could not work', async (t) => {
  const cases: [string, RegExp][] = [
    ['"x" = []', /must name at least one public key/],
    ['"x" = {}', /is missing/],
    [
      `"x" = "${key}"`,
      /must be a list of public keys, "self", or a table with `signers`, not a string/,
    ],
    [`"x" = { signers = ["${key}"], maxsize = "1B" }`, /did you mean "max_size"\?/],
    [`"x" = { signers = ["${key}"], max_size = 5 }`, /must be a size such as "64MiB"/],
    [`"x" = { signers = ["${key}"], max_size = "5MB" }`, /"5MB" is not a size/],
    [`"x" = { signers = ["${key}"], mode = 420 }`, /octal digits such as "0644", not a number/],
    [`"x" = { signers = ["${key}"], mode = "4755" }`, /is not a file mode/],
    [`"x" = { signers = ["${key}"], mode = "0066" }`, /must let the owner read/],
    [`"x" = { signers = ["${key}"], mode = "0666" }`, /must not let everybody write/],
    [`app.conf = ["${key}"]`, /must be in quotes: "app\.conf"/],
    [`"_mesh/x" = ["${key}"]`, /reserved/],
    [`"../x" = ["${key}"]`, /not a valid file name/],
    [`"*" = ["${key}"]`, /not a valid pattern: something has to stand before "\*"/],
    [`"a/*/b" = ["${key}"]`, /only A-Z a-z/],
    [`"_mesh/*" = ["${key}"]`, /reserved/],
    ['"x" = "self"', /"self" is for a pattern "<namespace>\/\*"/],
    ['"a/b/*" = "self"', /the namespace being one part/],
    ['"a*" = "self"', /the namespace being one part/],
    ['"a/*" = "self"', /needs network\.keys/],
    ['"x" = { signers = "me" }', /must be a list of public keys, or "self"/],
    [`"x" = { ${two}, threshold = 3 }`, /3 signatures can never come together from 2 signers/],
    [`"x" = { ${two}, threshold = 0 }`, /a whole number from 1 to 16/],
    [`"x" = { ${two}, delete_signers = [] }`, /nobody could ever delete/],
    [`"x" = { ${two}, max_files = 5 }`, /is for patterns/],
    [`"x/*" = { ${two}, max_files = 0 }`, /a whole number from 1 to 1000000/],
    [`"x/*" = { ${two}, fallback = "y" }`, /is for one name, not for a pattern/],
    [`"x" = { ${two}, fallback = "" }`, /must be a path/],
    [`"x" = { ${two}, history = 0 }`, /a whole number from 1 to 100/],
    [`"x" = { ${two}, min_version = 0 }`, /a whole number from 1 to/],
    [`"x" = { ${two}, purge_after = "-1s" }`, /is not a duration/],
    [`"x" = { ${many(17)}, threshold = 2 }`, /17 different keys, and at most 16/],
    [`"x" = { ${many(14)}, threshold = 7 }`, /makes 3432 sets of signers, and at most 1000/],
    [`"x" = { ${many(16)}, delete_signers = ["${keyText(99)}"] }`, /17 different keys/],
  ]
  for (const [entry, message] of cases) t.match(onlyMessage(`[files]\n${entry}`), message, entry)
})

t.test('points at the one key that is wrong', async (t) => {
  t.same(places(`[files]\n"x" = ["${key}", "bad"]`), [`2:${key.length + 12} files.x[1]`])
  t.same(places(`[files."x"]\nsigners = [\n  "${key}",\n  "bad",\n]`), ['4:3 files.x.signers[1]'])
})

t.test('takes a misspelt `signers` for that, not for a name without quotes', async (t) => {
  const [missing, misspelt] = check(`[files]\na = { signer = ["${key}"] }`).problems
  t.match([missing, misspelt].map((each) => each?.message).join('\n'), /did you mean "signers"/)
  t.notMatch([missing, misspelt].map((each) => each?.message).join('\n'), /quotes/)
})

t.test('refuses names that cannot live together on a disk', async (t) => {
  const text = `[files]\n"a" = ["${key}"]\n"a/b" = ["${key}"]\n"c" = ["${key}"]\n"C" = ["${key}"]`
  const messages = check(text).problems.map(({ message }) => message)
  t.equal(messages.length, 2)
  t.match(messages.join('\n'), /"a", which would be its directory/)
  t.match(messages.join('\n'), /differs only in case from/)
})

t.test('reads a hundred thousand names', async (t) => {
  const lines = Array.from({ length: 100_001 }, (_, index) => `"d/${index}" = ["${key}"]`)
  t.equal(parse(`[files]\n${lines.slice(1).join('\n')}`).files.length, 100_000)
  t.match(onlyMessage(`[files]\n${lines.join('\n')}`), /at most 100000 may be configured/)
})

t.test(
  'of a file that is no configuration, some problems are looked for and not all',
  async (t) => {
    const many = (count: number, line: (at: number) => string): string =>
      Array.from({ length: count }, (_, at) => line(at)).join('\n')
    const keys = check(many(1_001, (at) => `key${at} = 1`))
    t.equal(keys.problems.length, 1_000, 'unknown keys of a table')
    const names = check(`[files]\n${many(1_001, (at) => `name${at} = 1`)}`)
    t.equal(names.problems.length, 1_000, 'entries of files')
    const tooMany = check(`[files]\n${many(100_001, (at) => `name${at} = 1`)}`)
    t.match(tooMany.problems, [{ message: /^100001 names, and at most 100000 may be/ }])
    t.equal(tooMany.problems.length, 1)
    const long = check(`[files]\nx = [${'1,'.repeat(300_000)}]`)
    t.match(long.problems, [{ message: 'must have at most 256 items' }])
    t.equal(long.problems.length, 1, 'no item of a list that is too long')
  },
)
