import t from 'tap'
import { check, keyOf, keyText, onlyMessage, parse, places } from './fixtures.ts'

const key = keyText(1)

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
    { name: 'a/long.pem', signers: [keyOf(1)], maxSizeBytes: 1536, mode: 0o600 },
    {
      name: 'short',
      signers: [keyOf(1), keyOf(2), keyOf(3)].sort(),
      maxSizeBytes: 64 * 2 ** 20,
      mode: 0o644,
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

t.test('refuses entries that could not work', async (t) => {
  const cases: [string, RegExp][] = [
    ['"x" = []', /must name at least one public key/],
    ['"x" = {}', /is missing/],
    [`"x" = "${key}"`, /must be a list of public keys, or a table with `signers`, not a string/],
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
