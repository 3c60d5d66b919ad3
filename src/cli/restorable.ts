import type { HistoryVersionBody } from '../api/index.ts'

/** How `mesh file restore` is told which version is meant. */
const optionFor = (
  { version, id }: HistoryVersionBody,
  among: readonly HistoryVersionBody[],
): string =>
  among.filter((each) => each.version === version).length > 1
    ? `--id ${id.slice(0, 12)}`
    : `--version ${version}`

/** What to do to have an older content of a file again, in one sentence. */
export const howToRestore = (
  name: string,
  versions: readonly HistoryVersionBody[],
  address: string,
): string => {
  const older = versions.filter(({ wins, content }) => !wins && content !== null)
  const here = older
    .filter(({ contentHere }) => contentHere)
    .toSorted((a, b) => b.version - a.version)
  const [last] = here
  if (last !== undefined) {
    const others = here.length - 1
    const more = others === 0 ? '' : `, and ${others} older here`
    return `bring version ${last.version} back with: mesh file restore ${name} ${optionFor(last, versions)} --key …${more}`
  }
  const isDeleted = versions.some(({ wins, content }) => wins && content === null)
  const why = isDeleted ? ': a deletion takes it away after purge_after, at once by default' : ''
  return `no older content is at ${address}${why}; another node may have it still (mesh file history ${name} --url …), else publish it anew: mesh file update PATH --name ${name} --key …`
}
