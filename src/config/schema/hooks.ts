import * as v from 'valibot'
import { boolean, duration, path, setting, table } from '../values.ts'
import { DAY_MS } from './shared.ts'

export const hooks = table({
  directory: v.pipe(
    v.optional(path()),
    setting({
      type: 'path',
      fallback: 'none',
      about:
        'Each program in this directory runs for each file that changes, after its `on_change`, in the order of their names and with the same arguments. Names begin with a letter, digit or `_`; nobody else may be able to write there.',
    }),
  ),
  timeout: v.pipe(
    v.optional(duration(100, DAY_MS, 'from "100ms" to "1d"'), '1m'),
    setting({
      type: 'duration',
      about: 'How long one run may take, before it and everything it has started is ended.',
    }),
  ),
  allow_root: v.pipe(
    v.optional(boolean(), false),
    setting({ type: 'boolean', about: 'Run hooks although the daemon runs as root.' }),
  ),
})
