/**
 * Files: which signed file versions this node holds, which one wins, and what is shown on disk.
 *
 * Promises: {@link Files.accept} is the one way in, for uploads and for peers alike; it checks
 * everything before it stores anything, and what it answers `stored` to is durable. The winner of a
 * name is a pure function of the statements kept for it and the policy of now: nodes with equal
 * policies agree, whatever arrives in which order and whatever their clocks say. What is shown under
 * `files/` is complete and verified, or absent.
 *
 * @packageDocumentation
 */
export { createFiles } from './files.ts'
export { checkCatalogue } from './tree-check.ts'
export type { FilesComponents, FilesInit } from './files.ts'
export type { CatalogueCheck } from './tree-check.ts'
export type { FileExplanation, NotCovered, PatternUse, Refusal } from './types.ts'
export type { AcceptOptions, AssembledContent, ContentSource, OfferedContent } from './types.ts'
export type { FileChange, FilePolicy, FileRecord } from './types.ts'
export type { Files, FileState, FilesEvents, FileView, OpenFile, Origin, Verdict } from './types.ts'
