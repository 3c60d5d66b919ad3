import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { sha256 } from '../util/index.ts'

/** One file of the page, as it is served. */
export interface PageFile {
  /** Of its address, `/` for the page itself. */
  readonly path: string
  readonly type: string
  readonly body: Uint8Array
  /** Strong, with its quotes. */
  readonly etag: string
}

/**
 * Sent with each file. Scripts, styles and images come from this daemon only and stand in files of
 * their own; requests go to this daemon only; no other page may frame this one, and none is framed.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const DIRECTORY = join(import.meta.dirname, 'page')

/** All files of the page, read anew. */
export const readPage = async (): Promise<PageFile[]> => {
  const names = (await readdir(DIRECTORY)).sort()
  const files = names.flatMap((name) => {
    const type = TYPES[extname(name)]
    if (type === undefined) return []
    return [{ name, type, path: name === 'index.html' ? '/' : `/page/${name}` }]
  })
  return Promise.all(
    files.map(async ({ name, type, path }) => {
      const body = await readFile(join(DIRECTORY, name))
      return { path, type, body, etag: `"${sha256(body)}"` }
    }),
  )
}
