/**
 * Media types by what follows the last dot of a name. Nothing that a browser would run is among them:
 * a signed page would run in the name of whatever else is served from this address.
 */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  asc: 'text/plain; charset=utf-8',
  avif: 'image/avif',
  bz2: 'application/x-bzip2',
  cbor: 'application/cbor',
  conf: 'text/plain; charset=utf-8',
  crl: 'application/pkix-crl',
  crt: 'application/x-x509-ca-cert',
  css: 'text/plain; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  gif: 'image/gif',
  gz: 'application/gzip',
  htm: 'text/plain; charset=utf-8',
  html: 'text/plain; charset=utf-8',
  ini: 'text/plain; charset=utf-8',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  js: 'text/plain; charset=utf-8',
  json: 'application/json',
  jsonl: 'application/jsonl',
  log: 'text/plain; charset=utf-8',
  md: 'text/markdown; charset=utf-8',
  mjs: 'text/plain; charset=utf-8',
  nix: 'text/plain; charset=utf-8',
  pdf: 'application/pdf',
  pem: 'application/x-pem-file',
  png: 'image/png',
  pub: 'text/plain; charset=utf-8',
  sh: 'text/plain; charset=utf-8',
  sig: 'text/plain; charset=utf-8',
  svg: 'text/plain; charset=utf-8',
  tar: 'application/x-tar',
  toml: 'application/toml',
  txt: 'text/plain; charset=utf-8',
  wasm: 'application/octet-stream',
  webp: 'image/webp',
  xml: 'text/plain; charset=utf-8',
  xz: 'application/x-xz',
  yaml: 'application/yaml',
  yml: 'application/yaml',
  zip: 'application/zip',
  zst: 'application/zstd',
}

const UNKNOWN = 'application/octet-stream'

/** Media type of a file's content: what the configuration says, else what its name suggests. */
export const contentTypeOf = (name: string, configured: string | undefined): string => {
  if (configured !== undefined) return configured
  const extension = /\.([A-Za-z0-9]{1,8})$/.exec(name)?.[1]?.toLowerCase() ?? ''
  return Object.hasOwn(BY_EXTENSION, extension) ? (BY_EXTENSION[extension] ?? UNKNOWN) : UNKNOWN
}
