import t from 'tap'
import { MAX_TOKENS } from '../../src/http/limits.ts'
import { hasToken, parseTokens } from '../../src/http/tokens.ts'
import { call, startHarness } from './harness.ts'

const one = 'a'.repeat(32)
const two = 'Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy='

t.test('reads tokens, one a line', async (t) => {
  t.equal(parseTokens(`# of alice\n${one}\r\n\n  ${two}  \n`).length, 2)
  const bad = ['', '# none\n', 'short\n', `${one} \u00e4\n`, `${one} ${one}\n`, 'a'.repeat(257)]
  bad.push(`${one}\n`.repeat(MAX_TOKENS + 1))
  for (const text of bad) {
    t.throws(() => parseTokens(text), { code: 'ERR_TOKEN_MALFORMED' })
  }
  try {
    parseTokens(`\n${one}\u00e4\n`)
  } catch (error) {
    t.match(String(error), /line 2/)
    t.notMatch(String(error), /aaa/, 'no message quotes a token')
  }
})

t.test('tells a token from none and from a wrong one', async (t) => {
  const tokens = parseTokens(`${one}\n${two}\n`)
  t.equal(hasToken(`Bearer ${one}`, tokens), true)
  t.equal(hasToken(`bearer   ${two}`, tokens), true)
  t.equal(hasToken(`Bearer ${one}a`, tokens), false)
  t.equal(hasToken('Bearer ', tokens), false)
  t.equal(hasToken(`Bearer ${one}`, []), false)
  t.equal(hasToken('Basic YTpi', tokens), undefined)
  t.equal(hasToken(undefined, tokens), undefined)
})

t.test('with a token TCP may do what the unix socket may', async (t) => {
  const harness = await startHarness({ tokens: parseTokens(`${one}\n${two}\n`) })
  t.teardown(harness.stop)
  const get = (path: string, authorization?: string, target = harness.url) =>
    call(target, 'GET', path, {
      headers: authorization === undefined ? {} : { Authorization: authorization },
    })
  for (const path of ['/peers', '/files?name=secret/key', '/metrics', '/explain/hello.txt']) {
    const refused = await get(path)
    t.match(refused.json(), { status: 403, code: 'ERR_REQUEST_FORBIDDEN' }, path)
    t.match(refused.json().detail, /http\.token_file/)
    for (const token of [one, two]) t.equal((await get(path, `Bearer ${token}`)).status, 200, path)
  }
  t.match((await get('/status', `Bearer ${one}`)).json(), { uptimeMs: 1234.5 })
  const wrong = await get('/files', `Bearer ${'b'.repeat(32)}`)
  t.match(wrong.json(), { status: 401, code: 'ERR_TOKEN_INVALID' })
  t.equal(wrong.headers['www-authenticate'], 'Bearer realm="mesh"')
  t.equal((await get('/files', 'Basic YTpi')).status, 200, 'other schemes are a matter of proxies')
  t.equal((await get('/peers', 'Bearer x', harness.socketPath)).status, 200, 'the socket asks none')
  const elsewhere = { headers: { Authorization: `Bearer ${one}`, Host: 'evil.example' } }
  t.equal(
    (await call(harness.url, 'GET', '/peers', elsewhere)).status,
    403,
    'hosts are judged first',
  )
})

t.test('without a file of tokens none is right', async (t) => {
  const harness = await startHarness()
  t.teardown(harness.stop)
  const answer = await call(harness.url, 'GET', '/peers', {
    headers: { Authorization: `Bearer ${one}` },
  })
  t.equal(answer.status, 401)
})
