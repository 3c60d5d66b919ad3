/** The dashboard in a real browser, on a mesh of five real daemons. */
import { writeFileSync, readFileSync } from 'node:fs'
import t from 'tap'
import { chromiumPath, openBrowser } from './browser.ts'
import { startFive } from './five.ts'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { TransfersBody } from '../../src/api/index.ts'
import type { Five } from './five.ts'

if (chromiumPath() === undefined) {
  t.pass('skipped: there is no chromium here', { skip: 'there is no chromium here' })
  process.exit(0)
}

/** Of anything in the browser; a machine may be busy. */
const TIMEOUT_MS = 60_000

const five: Five = await startFive()
const browser: Browser | undefined = await openBrowser()
t.teardown(async () => {
  await browser?.close()
  await five.stop()
})

interface Visit {
  readonly page: Page
  /** Addresses of all requests. */
  readonly requests: string[]
  /** What the console said of errors, and what was thrown. */
  readonly complaints: string[]
}

/** Opens the page in a fresh profile, and shows the token unless told otherwise. */
const visit = async (
  t: Tap,
  options: BrowserContextOptions & {
    token?: string | null
    prepare?: (page: Page) => unknown
  } = {},
): Promise<Visit> => {
  const { token = five.token, prepare, ...rest } = options
  if (browser === undefined) throw new Error('there is no browser')
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 }, ...rest })
  const page = await context.newPage()
  t.teardown(async () => {
    await page.unrouteAll({ behavior: 'ignoreErrors' })
    await context.close()
  })
  page.setDefaultTimeout(TIMEOUT_MS)
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => requests.push(request.url()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  await prepare?.(page)
  await page.goto(five.alpha.url)
  if (token !== null) {
    await page.fill('#token', token)
    await page.press('#token', 'Enter')
    await page.waitForSelector('svg.mesh')
  }
  await page.waitForSelector('#files tbody tr')
  return { page, requests, complaints }
}

interface Tap {
  teardown(end: () => unknown): void
}

/** Waits for a text in what the selector finds first. */
const sees = async (page: Page, selector: string, text: string | RegExp): Promise<void> => {
  await page.locator(selector).filter({ hasText: text }).first().waitFor()
}

const rowOf = (name: string): string => `#files tr:has(button:text-is("${name}"))`

t.test('shows a mesh of five, with one behind and one conflict', async (t) => {
  const { page, requests, complaints } = await visit(t)
  await sees(page, '#summary', /4 of 4 known peers connected · 1 behind · 5 files · 1 conflict/)
  t.equal(await page.locator('svg.mesh g').count(), 5)
  await sees(page, 'svg.mesh g.warn', 'epsilonbehind on 1')
  await sees(page, `${rowOf('app/release.json')} .warn`, 'does not take v2')
  await sees(page, `${rowOf('etc/hosts.allow')} .bad`, 'conflict')
  await sees(page, '#health li.warning', 'file-conflict etc/hosts.allow')
  await sees(page, '#rounds', /\d+ rounds since the start/)
  t.equal(await page.locator('#rounds tbody tr').count(), 4)
  await sees(page, '#log li', 'listening')

  t.same(complaints, [], 'the console has no complaint')
  const strangers = requests.filter((url) => !url.startsWith(`${five.alpha.url}/`))
  t.same(strangers, [], 'no request goes anywhere else')
  t.notOk(
    requests.some((url) => url.includes(five.token)),
    'the token is in no address',
  )
})

t.test('changes by itself when a file is uploaded and when something goes wrong', async (t) => {
  const { page, complaints } = await visit(t)
  await sees(page, rowOf('feature-flags.toml'), 'not published')
  await five.publish('feature-flags.toml', 1, 'dark = true\n')
  await sees(page, `${rowOf('feature-flags.toml')} td`, 'v1')
  await sees(page, '#log li', 'feature-flags.toml v1 shown')
  await sees(page, rowOf('feature-flags.toml'), /v1.*shown.*v1v1v1v1/)

  const good = readFileSync(five.alpha.configPath)
  writeFileSync(five.alpha.configPath, 'this is no configuration')
  five.alpha.signal('SIGHUP')
  await sees(page, '#health li', 'config-reload-failed')
  await sees(page, '#log li', 'config-reload-failed')
  writeFileSync(five.alpha.configPath, good)
  five.alpha.signal('SIGHUP')
  await sees(page, '#log li', 'no longer wrong: config-reload-failed')
  await page
    .locator('#health li', { hasText: 'config-reload-failed' })
    .waitFor({ state: 'detached' })
  t.same(complaints, [])
})

t.test('tells without the token what TCP may show, and says so of a wrong one', async (t) => {
  const { page, requests, complaints } = await visit(t, { token: null })
  await sees(page, '#access', 'what TCP may show')
  await sees(page, rowOf('etc/motd'), 'v1')
  await sees(page, '#graph', 'Told only with the token')
  t.equal(await page.locator('svg.mesh').count(), 0)
  t.notOk(
    requests.some((url) => /\/(peers|spread)$/.test(url)),
    'nothing is asked in vain',
  )
  t.same(complaints, [])
  await page.fill('#token', 'wrong'.repeat(10))
  await page.press('#token', 'Enter')
  await sees(page, '#token-problem', /\w/)
  t.equal(await page.evaluate('sessionStorage.length'), 0, 'and forgets it')

  await page.fill('#token', five.token)
  await page.click('#access button')
  await page.waitForSelector('svg.mesh')
  t.equal(await page.locator('#access').isVisible(), false)
  t.equal(await page.evaluate('localStorage.length'), 0, 'it is kept for this tab only')
  await page.click('#forget')
  await sees(page, '#access', 'what TCP may show')
})

t.test('shows hostile words as words', async (t) => {
  const evil =
    '<img src=x onerror="window.evil=1"><script>window.evil=1</script>\u202e"\'--></title>'
  const poison = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return /^(20\d\d-|ssh-ed25519|12D3|shown$|warning$|error$|us$|peer$)/.test(value)
        ? value
        : evil
    }
    if (Array.isArray(value)) return value.map(poison)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, poison(each)]))
  }
  const seen = evil.replace('\u202e', '\ufffd')
  const { page } = await visit(t, {
    prepare: (page) =>
      page.route(/\/(peers|files|healthz|status|history\/.*|explain\/.*)$/, async (route) => {
        const response = await route.fetch()
        await route.fulfill({ response, json: poison(await response.json()) })
      }),
  })
  await sees(page, '#health li', seen)
  await sees(page, '#files th button', seen)
  await sees(page, 'h1', seen)
  await sees(page, '#rounds th', seen)
  await page.locator('#files th button').first().click()
  await sees(page, '#detail', seen)
  t.equal(await page.evaluate('window.evil'), undefined)
  t.equal(await page.locator('main img, main script, dialog img, dialog script').count(), 0)
})

t.test('shows content on its way, from whom and how fast', async (t) => {
  const at = { startedAt: '2026-11-21T00:00:00.000Z', sha256: 'a'.repeat(64) }
  const peer = { peerId: '12D3KooWpeer', name: 'beta', bytes: 2 ** 21, bytesPerSecond: 2 ** 20 }
  const body: TransfersBody = {
    receiving: [
      {
        ...{ ...at, name: 'images/disk.raw', state: 'fetching', localBytes: 0 },
        ...{ doneBytes: 2 ** 21, totalBytes: 2 ** 23, bytesPerSecond: 2 ** 20, leftMs: 6_000 },
        holders: [peer],
      },
    ],
    sending: [{ ...at, ...peer, name: 'gamma', file: 'images/other.raw' }],
  }
  const { page } = await visit(t, {
    prepare: (page) => page.route(/\/transfers$/, (route) => route.fulfill({ json: body })),
  })
  await sees(
    page,
    '#transfers tr',
    /images\/disk\.raw.*2\.0 MiB of 8\.0 MiB.*6 s left.*beta.*1\.0 MiB\/s/,
  )
  await sees(page, '#transfers tr', /images\/other\.raw.*to gamma/)
})

t.test('runs nothing that is not a file of its own', async (t) => {
  const { page, complaints } = await visit(t)
  await page
    .evaluate(
      `const script = document.createElement('script')
       script.append('window.evil = 1')
       document.body.append(script)
       document.body.insertAdjacentHTML('beforeend', '<b>x</b>')`,
    )
    .catch((error: Error) => complaints.push(error.message))
  t.equal(await page.evaluate('window.evil'), undefined)
  t.match(complaints.join('\n'), /TrustedScript[\s\S]*TrustedHTML/)
  await page.evaluate(`fetch('http://127.0.0.1:9/').catch(() => {})`)
  t.match(complaints.join('\n'), /Content Security Policy.*connect-src/)
})

t.test('is used with the keyboard alone', async (t) => {
  const { page } = await visit(t)
  const first = page.locator('#files th button').first()
  await page.locator('#filter').focus()
  await page.keyboard.press('Tab')
  t.ok(
    (await first.evaluate('(button) => button === document.activeElement').catch(() => false)) ||
      (await page.evaluate('document.activeElement.textContent')) === (await first.textContent()),
  )
  await page.keyboard.press('Enter')
  await sees(page, 'dialog[open]', 'app/release.json')
  await sees(page, 'dialog[open] table', 'counts')
  await page.keyboard.press('Escape')
  t.equal(await page.locator('dialog[open]').count(), 0)
  t.equal(await page.evaluate('document.activeElement.textContent'), 'app/release.json')
  await page.locator('#filter').focus()
  await page.keyboard.type('motd')
  await page.locator('#files tbody tr').nth(1).waitFor({ state: 'detached' })
  t.match(await page.locator('#files tbody tr').allTextContents(), [/etc\/motd/])
})

t.test('fits a phone, and the dark', async (t) => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await visit(t, { viewport: { width: 360, height: 740 }, colorScheme })
    const [needed, given] = (await page.evaluate(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    )) as [number, number]
    t.ok(needed <= given, `${colorScheme}: ${needed} of ${given} pixels`)
  }
})

t.test('says that a node is gone and what it had', async (t) => {
  const { page } = await visit(t)
  const [, , , delta] = five.nodes
  await delta?.stop()
  await sees(page, 'svg.mesh g.away', 'delta')
  await five.publish('etc/motd', 2, 'Welcome back.\n')
  await sees(page, rowOf('etc/motd'), 'v1 when last seen')
  await sees(page, '#summary', /3 of 4 known peers connected · 2 behind/)
})

t.test('says when its daemon does not answer, and goes on when it is back', async (t) => {
  const { page } = await visit(t)
  await five.alpha.stop()
  await sees(page, '#connection', 'does not answer')
  await sees(page, rowOf('etc/motd'), 'v2')
  await five.alpha.start()
  await page.locator('#connection:empty').waitFor({ state: 'attached' })
  await five.publish('etc/motd', 3, 'Back again.\n')
  await sees(page, '#log li', 'etc/motd v3 shown')
})
