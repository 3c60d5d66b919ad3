import { MeshError } from '../errors/index.ts'
import { warn } from './print.ts'
import { shortKey } from './show.ts'
import { clean } from './terminal.ts'
import type { FileChangeBody, PreviewBody } from '../api/index.ts'
import type { Context } from './context.ts'

const versionText = (version: number | null): string =>
  version === null ? 'no version' : `version ${version}`

const keysText = ({ removedSigners, addedSigners }: FileChangeBody): string => {
  const list = (verb: string, keys: readonly string[]): string[] =>
    keys.length === 0 ? [] : [`${keys.map(shortKey).join(', ')} ${verb}`]
  const parts = [
    ...list('may not sign it any more', removedSigners),
    ...list('may sign it', addedSigners),
  ]
  return parts.length === 0 ? '' : `: ${parts.join('; ')}`
}

/** `app.conf falls back from version 7 to version 5: …abc may not sign it any more`. */
const describe = (change: FileChangeBody): string => {
  const { name, kind, before, after } = change
  const keys = keysText(change)
  if (kind === 'withdrawn') {
    return `${name} is withdrawn: ${versionText(before)} is not shown any more`
  }
  if (kind === 'added') return `${name} is wanted from now on, ${versionText(after)} is here`
  if (kind === 'reverted') {
    return `${name} falls back from ${versionText(before)} to ${versionText(after)}${keys}`
  }
  if (kind === 'advanced') {
    return `${name} goes from ${versionText(before)} to ${versionText(after)}${keys}`
  }
  return `${name} stays at ${versionText(after)} under other rules${keys}`
}

const losses = ({ changes }: PreviewBody): readonly FileChangeBody[] =>
  changes.filter(
    ({ kind, before }) => before !== null && (kind === 'withdrawn' || kind === 'reverted'),
  )

/** Says what a reload would do, what is lost first. */
export const printPreview = async (preview: PreviewBody, context: Context): Promise<void> => {
  const { out } = context
  const { refused, restartNeeded, changes } = preview
  if (refused !== null) await warn(context, `the daemon would keep the old one: ${refused}`)
  if (restartNeeded.length > 0) {
    await warn(context, `a restart is needed for ${restartNeeded.join(', ')}`)
  }
  const lost = losses(preview)
  const sorted = [...lost, ...changes.filter((each) => !lost.includes(each))]
  await out.line()
  if (sorted.length === 0) return out.line('A reload would change no file.')
  await out.line('A reload would change these files:')
  for (const change of sorted) {
    const style = lost.includes(change) ? 'yellow' : 'green'
    await out.line(`  ${out.style(style, clean(describe(change)))}`)
  }
}

/** @throws MeshError `ERR_CONFIG_LOSES`, `ERR_CONFIG_INVALID` */
export const requireNoLoss = (preview: PreviewBody, path: string): void => {
  if (preview.refused !== null) {
    const message = `the running daemon would not take ${path}: ${preview.refused}`
    throw new MeshError('ERR_CONFIG_INVALID', message)
  }
  const lost = losses(preview)
  if (lost.length === 0) return
  const counts = (['withdrawn', 'reverted'] as const).flatMap((kind) => {
    const count = lost.filter((each) => each.kind === kind).length
    return count === 0 ? [] : [`${count} ${kind}`]
  })
  const files = lost.length === 1 ? 'a file' : `${lost.length} files`
  const message = `with ${path} ${files} would be lost or fall back (${counts.join(', ')}); if that is meant, reload; else sign the present versions with another key first (mesh file resign)`
  throw new MeshError('ERR_CONFIG_LOSES', message, { data: { path, lost: lost.length } })
}
