/** `rwx` where `r`. */
const withSearch = (mode: number): number => mode | ((mode & 0o444) >> 2)

/** Permission bits of a directory in a tree whose policy says `mode`. */
export const directoryMode = (mode: number): number => withSearch(mode) | 0o700

/** The same of a file: what may be run has `x` where it has `r`. */
export const fileMode = (mode: number, program: boolean): number =>
  program ? withSearch(mode) : mode
