/**
 * Unpack: signed tars as trees on the disk, for files that must change together.
 *
 * Promises: `trees/<name>` is a symbolic link to a directory that holds the whole of one tar whose
 * signature was checked, or is not there. One rename switches it, so that whoever opens the link sees
 * the old tree or the new one; a crash leaves one of them. What cannot be unpacked leaves the old one.
 * The tar itself stays under `files/` and is verified like any file.
 *
 * What it does not: look again at a tree that lies there. Who may write to the state directory can
 * change it.
 *
 * @packageDocumentation
 */
export { createUnpack } from './unpack.ts'
export type { Unpack, UnpackComponents } from './unpack.ts'
