/**
 * Unpack: signed tars as trees on the disk, for files that must change together.
 *
 * Promises: `trees/<name>` is a symbolic link to a directory that holds the whole of one tar whose
 * signature was checked, or is not there. One rename switches it, so that whoever opens the link sees
 * the old tree or the new one; a crash leaves one of them. What cannot be unpacked leaves the old one.
 * The tar itself stays under `files/` and is verified like any file.
 *
 * Trees are held against their tars after each start and once a week, as fast as the scrub of blocks reads:
 * every entry, its kind, mode and content, and that there is nothing else. What is not what was signed is
 * made anew beside it, and the link switched.
 *
 * @packageDocumentation
 */
export { createUnpack } from './unpack.ts'
export type { Unpack, UnpackComponents, UnpackEvents, UnpackInit } from './types.ts'
