/** Debian's chromium, driven by playwright-core, which brings none of its own. */
import { existsSync } from 'node:fs'
import type { Browser } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** `undefined`: there is none here. */
export const chromiumPath = (): string | undefined =>
  [process.env.CHROMIUM, ...PLACES].find((path) => path !== undefined && existsSync(path))

/** Starts it; nothing but this machine can be reached from it. */
export const openBrowser = async (): Promise<Browser | undefined> => {
  const executablePath = chromiumPath()
  if (executablePath === undefined) return undefined
  // Two seconds to load: not where there is nothing to drive.
  const { chromium } = await import('playwright-core')
  return chromium.launch({
    executablePath,
    timeout: 120_000,
    args: [
      // Root has no namespaces to sandbox in, and a container not always any.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  })
}
