import { Command } from 'commander'
import { createSelection, parseSelector } from '../../statement/index.ts'
import { connect, withDaemonOptions } from '../daemon.ts'
import { JSON_OPTION, warn } from '../print.ts'
import { createReactions } from '../reactions.ts'
import { shortTime, showContent } from '../show.ts'
import { clean } from '../terminal.ts'
import type { Client, ClientEvent } from '../../client/index.ts'
import type { Selector } from '../../statement/index.ts'
import type { Context } from '../context.ts'
import type { DaemonOptions } from '../daemon.ts'
import type { ReadOptions } from '../print.ts'
import type { Reactions } from '../reactions.ts'

interface Options extends DaemonOptions, ReadOptions {
  readonly exec?: string
}

/** One line of what happened. */
const describe = (event: ClientEvent): string => {
  const parts = [shortTime(event.at), event.type]
  if (event.type === 'gap') {
    const count = event.missed === null ? 'some' : `${event.missed}`
    parts.push(`${count} events are missing; see mesh file list`)
  }
  if ('name' in event) parts.push(event.name)
  if (event.type === 'file-refused') {
    parts.push(`version ${event.version} from ${event.from}: ${event.message}`)
  }
  if ('file' in event && event.file !== null) {
    const { state, current } = event.file
    parts.push(current === null ? state : `version ${current.version} ${showContent(current)}`)
    if (event.type === 'file-changed') parts.push(state)
  }
  return parts.join('  ')
}

/** What is to be seen in another way makes the command run. */
const REACTS_TO: readonly string[] = [
  ...['file-shown', 'file-deleted', 'file-expired', 'file-withdrawn'],
  'file-unpacked',
]

/** After a gap nobody knows what has changed, so everything may have. */
const catchUp = async (
  client: Client,
  names: readonly Selector[],
  { signal }: Context,
  reactions: Reactions,
): Promise<void> => {
  const selection = createSelection(names)
  const { files } = await client.files({ signal })
  for (const file of files) {
    if (names.length > 0 && !selection.has(file.name)) continue
    if (file.current !== null) reactions.add(file.name, file)
  }
}

const watch = async (
  names: readonly Selector[],
  { json, exec, ...daemon }: Options,
  context: Context,
): Promise<void> => {
  const client = connect(daemon, context)
  const reactions = exec === undefined ? undefined : createReactions(context, exec)
  const events = client.events({
    ...{ names, types: ['file'], signal: context.signal },
    onLost: ({ message }) => void warn(context, `${message}; trying again`),
    sleep: (delayMs) => context.sleep(delayMs),
  })
  try {
    for await (const event of events) {
      if (event.type === 'start') continue
      await context.out.line(
        json === true
          ? JSON.stringify({ schema: 'mesh-event/1', ...event })
          : clean(describe(event)),
      )
      if (reactions === undefined) continue
      if (event.type === 'gap') await catchUp(client, names, context, reactions)
      else if ('file' in event && REACTS_TO.includes(event.type)) {
        reactions.add(event.name, event.file)
      }
    }
  } finally {
    await reactions?.end()
  }
}

export const fileWatchCommand = (context: Context): Command =>
  withDaemonOptions(new Command())
    .description(
      'Prints what happens to files at a daemon, one line each, until it is interrupted. With --exec a command runs for each file that is to be seen in another way: by sh, with the name, version and state as $1, $2 and $3 and in MESH_FILE_NAME, MESH_FILE_VERSION and MESH_FILE_STATE; one at a time, and for a file that changes meanwhile once more with what it is then. Services had better use on_change in the configuration of the daemon, which runs at least once for each change, or systemd.path.',
    )
    .argument('[names...]', 'names and patterns, as "certs/*"; all files without any')
    .option('--exec <command>', 'run this for each change')
    .option(JSON_OPTION[0], 'print JSON instead, an object a line, in a form that stays')
    .action((given: readonly string[], options: Options) =>
      watch(given.map(parseSelector), options, context),
    )
