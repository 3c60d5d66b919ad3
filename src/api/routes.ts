const encodeName = (name: string): string => name.split('/').map(encodeURIComponent).join('/')

/** Paths of the routes. Names are encoded part by part: `/` stays. */
export const routes = {
  files: '/files',
  file: (name: string): string => `/files/${encodeName(name)}`,
  statement: (name: string): string => `/statements/${encodeName(name)}`,
  history: (name: string): string => `/history/${encodeName(name)}`,
  explain: (name: string): string => `/explain/${encodeName(name)}`,
  events: '/events',
  status: '/status',
  peers: '/peers',
  transfers: '/transfers',
  spread: '/spread',
  certificates: '/certificates',
  blocks: '/blocks',
  blocksGc: '/blocks/gc',
  blocksScrub: '/blocks/scrub',
  blocksVerify: '/blocks/verify',
  preview: '/config/preview',
  metrics: '/metrics',
  openapi: '/openapi.json',
  docs: '/docs',
  healthz: '/healthz',
  readyz: '/readyz',
} as const
