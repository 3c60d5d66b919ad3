import { sha256 } from '../util/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Digest } from '../util/index.ts'

/** Where in the state directory things lie. Names are checked, so they are paths as they are. */
export const FILES_DIRECTORY = 'files'
export const STATEMENTS_DIRECTORY = 'statements'
export const CONTENT_DIRECTORY = 'content'
export const QUARANTINE_DIRECTORY = 'quarantine'

/** What consumers read. */
export const shownPath = (name: FileName): string => `${FILES_DIRECTORY}/${name}`
export const statementPath = (name: FileName): string => `${STATEMENTS_DIRECTORY}/${name}`

/** A name in 16 digits: flat, so that no name gets in the way of another, whatever was configured. */
const tagOf = (path: string): string => sha256(path).slice(0, 16)

/** Content that is not shown. Two names never share a file, so that removing one is simple. */
export const contentPath = (name: FileName, digest: Digest): string =>
  `${CONTENT_DIRECTORY}/${tagOf(name)}-${digest}`

/** Where something goes that must not be where it is; the latest for each path is kept. */
export const quarantinePath = (path: string): string => `${QUARANTINE_DIRECTORY}/${tagOf(path)}`
