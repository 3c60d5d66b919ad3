import { spawn } from 'node:child_process'
import { Command } from 'commander'
import { describeSystemError, MeshError } from '../../errors/index.ts'
import { connect, daemonAddress, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, printJson, warn } from '../print.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'

interface Options extends DaemonOptions, ReadOptions {
  readonly open?: boolean
}

/** An address that is listened on everywhere is reached on this machine. */
const reachable = (url: string): string => {
  const { protocol, hostname, host, pathname } = new URL(url)
  const path = pathname.endsWith('/') ? pathname : `${pathname}/`
  if (hostname === '0.0.0.0') return `${protocol}//${host.replace(hostname, '127.0.0.1')}${path}`
  if (hostname === '[::]') return `${protocol}//${host.replace(hostname, '[::1]')}${path}`
  return `${protocol}//${host}${path}`
}

/** The first that a browser on this machine is sure to reach, or else the first. */
const choose = (urls: readonly string[]): string | undefined => {
  const all = urls.map(reachable)
  return all.find((url) => /^http:\/\/(127\.|\[::1\])/.test(url)) ?? all[0]
}

/** Hands the address to the browser that the desktop prefers, and does not wait for it. */
const openBrowser = (url: string, { env }: Context): Promise<void> =>
  new Promise((resolve, reject) => {
    const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
    const child = spawn(program, [url], { stdio: 'ignore', detached: true, env: { ...env } })
    child.once('error', (error) =>
      reject(
        new MeshError(
          'ERR_USAGE',
          `${program} cannot be run (${describeSystemError(error)}); open ${url} yourself`,
          { cause: error },
        ),
      ),
    )
    child.once('spawn', () => {
      child.unref()
      resolve()
    })
  })

export const dashboardCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Prints the address of the page on which a daemon shows the mesh as it knows it, or opens it in a browser. Over TCP it shows what TCP may; with a token of http.token_file, entered there, everything.',
    )
    .option('--open', 'open it in a browser (xdg-open)')
    .option(...JSON_OPTION)
    .action(async (options: Options) => {
      const address = daemonAddress(options, context.env)
      const status = await connect(options, context).status({ signal: context.signal })
      const told = 'urls' in status ? status.urls : []
      const url = choose('url' in address ? [address.url] : told)
      if (url === undefined) {
        throw new MeshError(
          'ERR_USAGE',
          'the daemon listens on its unix socket only, which no browser can reach; set http.listen',
        )
      }
      if (options.json === true) await printJson(context, 'mesh-dashboard/1', { url })
      else await context.out.line(url)
      if (options.open === true) await openBrowser(url, context)
      else if (options.json !== true) {
        await warn(
          context,
          'it shows what TCP may show; with a token of http.token_file everything',
        )
      }
    })
