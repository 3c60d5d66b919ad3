/**
 * Takes docs/dashboard.png: the dashboard of a mesh of five with one node behind and one conflict.
 *
 *     ./dev run node scripts/screenshot.ts [FILE]
 */
import { join } from 'node:path'
import { openBrowser } from '../test/web/browser.ts'
import { NODES, startFive } from '../test/web/five.ts'

const path = process.argv[2] ?? join(import.meta.dirname, '../docs/dashboard.png')
const browser = await openBrowser()
if (browser === undefined) {
  process.stderr.write('There is no chromium here.\n')
  process.exit(1)
}
const five = await startFive()
try {
  const page = await browser.newPage({ viewport: { width: 1180, height: 900 } })
  await page.goto(five.alpha.url)
  await page.fill('#token', five.token)
  await page.press('#token', 'Enter')
  await page.waitForSelector('svg.mesh line.told', {
    state: 'attached',
    timeout: 120_000,
  })
  await five.publish('feature-flags.toml', 1, 'dark = true\n')
  await five.publish('etc/motd', 2, 'Welcome back.\n')
  for (const node of NODES.slice(1)) await five.known(node, 'etc/motd', 'same')
  await page.locator('#log li').filter({ hasText: 'etc/motd v2' }).first().waitFor()
  await page.locator('#summary').filter({ hasText: '1 behind' }).waitFor()
  // The next question to the daemon shows what it has just compared.
  await page.waitForResponse(/\/spread$/)
  await page.waitForResponse(/\/spread$/)
  await page.screenshot({ path, fullPage: true })
} finally {
  await browser.close()
  await five.stop()
}
