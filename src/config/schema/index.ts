/** `dm.toml`, a table a file: the one source of its types, defaults, checks and reference. */
export { documentSchema } from './document.ts'
export { fileSchema, SELF } from './file.ts'
export type { Document } from './document.ts'
export type { FileDocument } from './file.ts'
