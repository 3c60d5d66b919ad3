/** Makes tars byte by byte, also those that no program would make. */

export interface TarEntry {
  readonly path: string
  /** One character of POSIX; `0` is a file. @default '0' */
  readonly type?: string
  readonly content?: string | Uint8Array
  readonly link?: string
  readonly mode?: number
  /** What the header says, if that is not so. */
  readonly size?: number
}

const BLOCK = 512

const octal = (value: number, length: number): string =>
  `${value.toString(8).padStart(length - 1, '0')}\0`

const header = ({ path, type = '0', link = '', mode = 0o644 }: TarEntry, size: number): Buffer => {
  const block = Buffer.alloc(BLOCK)
  block.write(path, 0, 100)
  block.write(octal(mode, 8), 100)
  block.write(octal(0, 8), 108)
  block.write(octal(0, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(0, 12), 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write(link, 157, 100)
  block.write('ustar\0', 257)
  block.write('00', 263)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

const padded = (content: Uint8Array): Buffer =>
  Buffer.concat([content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)])

export const END = Buffer.alloc(2 * BLOCK)

/** One header and what follows it. */
export const entry = (given: TarEntry): Buffer => {
  const content = Buffer.from(given.content ?? '')
  return Buffer.concat([header(given, given.size ?? content.length), padded(content)])
}

/** A tar of these. */
export const tar = (...entries: readonly TarEntry[]): Buffer =>
  Buffer.concat([...entries.map(entry), END])

/** A PAX header for the entry that follows. */
export const pax = (fields: Readonly<Record<string, string>>): TarEntry => {
  const content = Object.entries(fields)
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`
      let length = Buffer.byteLength(rest) + 1
      while (Buffer.byteLength(`${length}${rest}`) > length) length++
      return `${length}${rest}`
    })
    .join('')
  return { path: 'PaxHeader/x', type: 'x', content }
}

/** Tars that must not be unpacked, by name, with what is said of them. */
export const hostileTars = (): Readonly<Record<string, readonly [tar: Buffer, why: RegExp]>> => ({
  'an absolute path': [tar({ path: '/etc/passwd', content: 'x' }), /absolute path/],
  'a path that leads out': [tar({ path: '../out', content: 'x' }), /leads out of the tree/],
  'a path that leads out later': [tar({ path: 'a/../../out', content: 'x' }), /leads out/],
  'an absolute path in a PAX header': [
    tar(pax({ path: '/tmp/out' }), { path: 'a', content: 'x' }),
    /absolute path/,
  ],
  'a long name of GNU that leads out': [
    tar({ path: '././@LongLink', type: 'L', content: '../../out\0' }, { path: 'a', content: 'x' }),
    /leads out/,
  ],
  'a backslash': [tar({ path: '..\\out', content: 'x' }), /characters that no name may have/],
  'a line feed in a name': [tar({ path: 'a\nb', content: 'x' }), /characters that no name/],
  'a name that is no UTF-8': [
    Buffer.concat([
      (() => {
        const bytes = entry({ path: 'a?' })
        bytes[1] = 0xff
        bytes.write('        ', 148)
        const sum = bytes.reduce((total, byte) => total + byte, 0)
        bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
        return bytes
      })(),
      END,
    ]),
    /characters that no name/,
  ],
  'a link to an absolute path': [tar({ path: 'a', type: '2', link: '/etc' }), /leads out/],
  'a link that leads out': [tar({ path: 'a', type: '2', link: '../x' }), /leads out/],
  'a link that leads out of a directory': [
    tar({ path: 'd/', type: '5' }, { path: 'd/a', type: '2', link: '../../x' }),
    /leads out/,
  ],
  'a link that leads out through another': [
    tar(
      { path: 'x/y/up', type: '2', link: '../..' },
      { path: 'z', type: '2', link: 'x/y/up/../etc' },
    ),
    /down and up again/,
  ],
  'a file through a link': [
    tar({ path: 'a', type: '2', link: 'b' }, { path: 'a/c', content: 'x' }),
    /no directory/,
  ],
  'a file where a link is': [
    tar({ path: 'a', type: '2', link: 'b' }, { path: 'a', content: 'x' }),
    /twice/,
  ],
  'a link in a PAX header that leads out': [
    tar(pax({ linkpath: '/etc/passwd' }), { path: 'a', type: '2', link: 'b' }),
    /leads out/,
  ],
  'a hard link': [
    tar({ path: 'a', content: 'x' }, { path: 'b', type: '1', link: 'a' }),
    /a hard link/,
  ],
  'a hard link out': [tar({ path: 'b', type: '1', link: '/etc/passwd' }), /a hard link/],
  'a character device': [tar({ path: 'null', type: '3' }), /a device/],
  'a block device': [tar({ path: 'disk', type: '4' }), /a device/],
  'a pipe': [tar({ path: 'pipe', type: '6' }), /a pipe/],
  'a sparse file of GNU': [tar({ path: 's', type: 'S', content: 'x' }), /a sparse file/],
  'a sparse file in PAX': [
    tar(pax({ 'GNU.sparse.major': '1', 'GNU.sparse.realsize': '9999999999' }), {
      path: 'GNUSparseFile.0/s',
      content: '1\n',
    }),
    /a sparse file/,
  ],
  'a name twice': [tar({ path: 'a', content: '1' }, { path: 'a', content: '2' }), /twice/],
  'a name twice, spelled otherwise': [
    tar({ path: 'a', content: '1' }, { path: './a', content: '2' }),
    /twice/,
  ],
  'names that differ in case': [
    tar({ path: 'Makefile', content: '1' }, { path: 'makefile', content: '2' }),
    /in case only/,
  ],
  'directories that differ in case': [
    tar({ path: 'A/x', content: '1' }, { path: 'a/y', content: '2' }),
    /in case only/,
  ],
  'a file that is a directory, too': [
    tar({ path: 'a', content: '1' }, { path: 'a/b', content: '2' }),
    /no directory/,
  ],
  'a directory that is a file, too': [
    tar({ path: 'a/b', content: '1' }, { path: 'a', content: '2' }),
    /twice/,
  ],
  'an empty part': [tar({ path: 'a//b', content: 'x' }), /an empty part/],
  'an extended header without end': [
    tar(pax({ comment: 'x'.repeat(100_000) }), { path: 'a', content: 'x' }),
    /extended header of more than/,
  ],
  'a size that PAX makes endless': [
    tar(pax({ size: '99999999999999' }), { path: 'a', content: 'x' }),
    /damaged|cut off|ends within|more than/,
  ],
  'a path that is too deep': [tar({ path: `${'d/'.repeat(33)}f`, content: 'x' }), /deeper than/],
  'a name that is too long': [
    tar(pax({ path: 'n'.repeat(256) }), { path: 'a', content: 'x' }),
    /longer than 255 bytes/,
  ],
  'a path that is too long': [
    tar(pax({ path: `${`${'n'.repeat(200)}/`.repeat(6)}x` }), { path: 'a', content: 'x' }),
    /longer than 1024 bytes/,
  ],
  'a tar that was cut off in a file': [
    tar({ path: 'a', content: 'x'.repeat(5000) }).subarray(0, 2048),
    /damaged|cut off|ends within/,
  ],
  'a tar without an end': [entry({ path: 'a', content: 'x' }), /cut off/],
  'a header whose sum is wrong': [
    (() => {
      const bytes = tar({ path: 'a', content: 'x' }, { path: 'b', content: 'y' })
      bytes.write('z', 1024)
      return bytes
    })(),
    /damaged/,
  ],
  'nothing but its end': [END, /no tar/],
  'a tree with nothing in it': [tar({ path: './', type: '5' }), /nothing in it/],
  'something else': [Buffer.from('#!/bin/sh\n'.repeat(100)), /no tar/],
  'a few bytes': [Buffer.from('x'), /no tar/],
})
