import { formatPublicKey } from '../keys/index.ts'
import type { ReasonBody } from '../api/index.ts'
import type { FileExplanation, FileView } from '../files/index.ts'
import type { FileName } from '../statement/index.ts'

type Use = NonNullable<FileExplanation['pattern']>
type Uncovered = NonNullable<FileExplanation['notCovered']>

const reason = (code: string, message: string): ReasonBody => ({ code, message })

const namesOf = (count: number): string => `${count} name${count === 1 ? '' : 's'}`

const coveredBy = ({ selector, maxFiles, owner }: Use): string =>
  owner === undefined
    ? `${selector} covers it, with at most ${namesOf(maxFiles)} for each signer (max_files)`
    : `the namespace ${selector} covers it: only the node with the key ${formatPublicKey(owner, 'openssh')} may write it, with a certificate that names the namespace; it has room for ${namesOf(maxFiles)} (max_files)`

/** By which pattern a name is configured, and whether that is full for somebody. */
export const aboutPattern = (
  { pattern }: FileExplanation,
  { winner }: Pick<FileView, 'winner'>,
): ReasonBody[] => {
  if (pattern === undefined) return []
  const { selector, maxFiles, uses } = pattern
  // What is here has its place already.
  const full =
    winner !== undefined ? [] : uses.filter(({ names, hasThis }) => names >= maxFiles && !hasThis)
  return [
    reason('pattern', coveredBy(pattern)),
    ...full.map(({ signers, names }) => {
      const keys = signers.map((key) => formatPublicKey(key, 'openssh')).join(', ')
      const by = keys === '' ? '' : ` by ${keys}`
      return reason(
        'pattern-full',
        `${namesOf(names)} of ${selector} ${names === 1 ? 'is' : 'are'} in use${by}, which is its max_files: of more names those that sort first stay, and an upload of a further one is refused (deleted names count too)`,
      )
    }),
  ]
}

const WHY: Readonly<Record<Uncovered['why'], (name: FileName, selector: string) => string>> = {
  slash: (name, selector) =>
    `${selector} does not cover ${name}: its star stands for no "/", so that a directory below needs a pattern of its own`,
  'nothing-for-star': (name, selector) =>
    `${selector} does not cover ${name}: its star stands for one character at least`,
  'not-a-key': (name, selector) =>
    `the namespace ${selector} does not cover ${name}: its names end in the key of their node as 64 lower-case hex digits`,
  directory: (name, selector) =>
    `${name} would have to be a directory for ${selector}, so that it cannot be a file`,
  'below-file': (name, selector) =>
    `${selector} is a file, so that there can be nothing like ${name} below it`,
}

/** What all but covers a name that is not configured. */
export const aboutUncovered = (name: FileName, { notCovered }: FileExplanation): ReasonBody[] =>
  notCovered === undefined
    ? []
    : [reason('not-covered', WHY[notCovered.why](name, notCovered.selector))]

/** What to do so that it is covered; `undefined`: nothing but to configure it. */
export const nextUncovered = (
  name: FileName,
  { notCovered }: FileExplanation,
): string | undefined => {
  if (notCovered === undefined) return undefined
  const { selector, why } = notCovered
  switch (why) {
    case 'slash':
      return `add a pattern for its directory: "${name.slice(0, name.lastIndexOf('/') + 1)}*" = ["<public key>"], and reload`
    case 'not-a-key':
      return `write it as a name of its node: ${selector.slice(0, -1)}<its key as 64 lower-case hex digits>`
    case 'directory':
    case 'below-file':
      return `take another name: of ${name} and ${selector} only one can be configured`
    case 'nothing-for-star':
      return undefined
  }
}
