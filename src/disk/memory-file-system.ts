import { join } from 'node:path'
import type { FileSystem, Handle, NodeStat } from './file-system.ts'

interface FileNode {
  readonly kind: 'file'
  readonly inode: number
  bytes: Buffer
  /** What of `bytes` has reached the disk. */
  synced: Buffer
  changes: number
  mode: number
}

interface DirectoryNode {
  readonly kind: 'directory'
  readonly inode: number
  entries: Map<string, FileNode | DirectoryNode>
  synced: Map<string, FileNode | DirectoryNode>
  changes: number
  mode: number
}

type Node = FileNode | DirectoryNode

/** A file system in memory that knows what would survive a power loss. */
export interface MemoryFileSystem extends FileSystem {
  /**
   * `synced`: the power fails, and only what was synced is still there. `all`: the process dies, and
   * the system writes the rest.
   */
  crash(keep: 'synced' | 'all'): void
  /** Flips a bit of a file, as a bad disk does: nothing that a file system knows tells of it. */
  rot(path: string): void
  /** What `freeBytes` answers. @default no end of them */
  free: number
}

const failure = (code: string, path: string): Error =>
  Object.assign(new Error(`${code}: ${path}`), { code })

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '')

export const createMemoryFileSystem = (): MemoryFileSystem => {
  let inodes = 0
  let changes = 0
  const makeDirectoryNode = (mode: number): DirectoryNode => ({
    kind: 'directory',
    inode: ++inodes,
    entries: new Map(),
    synced: new Map(),
    changes: ++changes,
    mode,
  })
  const root = makeDirectoryNode(0o755)

  const find = (path: string): Node => {
    let node: Node = root
    for (const part of partsOf(path)) {
      if (node.kind !== 'directory') throw failure('ENOTDIR', path)
      const next = node.entries.get(part)
      if (next === undefined) throw failure('ENOENT', path)
      node = next
    }
    return node
  }
  /** What files alone are written to: buffers of others may be shared. */
  const rooms = new WeakSet<ArrayBufferLike>()
  const findDirectory = (path: string): DirectoryNode => {
    const node = find(path)
    if (node.kind !== 'directory') throw failure('ENOTDIR', path)
    return node
  }
  const locate = (path: string): { parent: DirectoryNode; name: string; node?: Node } => {
    const parts = partsOf(path)
    const name = parts.pop() ?? ''
    const parent = findDirectory(parts.join('/'))
    const node = parent.entries.get(name)
    return node === undefined ? { parent, name } : { parent, name, node }
  }
  const existing = (path: string): { parent: DirectoryNode; name: string; node: Node } => {
    const { parent, name, node } = locate(path)
    if (node === undefined) throw failure('ENOENT', path)
    return { parent, name, node }
  }

  const describe = (node: Node): NodeStat => ({
    kind: node.kind,
    sizeBytes: node.kind === 'file' ? node.bytes.length : 0,
    fingerprint: `${node.inode}.${node.kind === 'file' ? node.bytes.length : 0}.${node.changes}`,
  })

  /** With room for more behind the end: what was synced before is a shorter view, and stays as it was. */
  const appended = (before: Buffer, bytes: Uint8Array): Buffer => {
    const length = before.length + bytes.length
    const room = before.buffer.byteLength - before.byteOffset
    const roomy =
      rooms.has(before.buffer) && room >= length
        ? Buffer.from(before.buffer, before.byteOffset, length)
        : Buffer.from(new ArrayBuffer(2 * length), 0, length)
    rooms.add(roomy.buffer)
    if (roomy.buffer !== before.buffer) roomy.set(before)
    roomy.set(bytes, before.length)
    return roomy
  }

  const handleOf = (node: Node): Handle => ({
    async write(parts) {
      if (node.kind !== 'file') throw failure('EISDIR', '')
      const before = node.bytes.length
      for (const part of parts) node.bytes = appended(node.bytes, part)
      node.changes = ++changes
      return node.bytes.length - before
    },
    async read(into, position) {
      if (node.kind !== 'file') throw failure('EISDIR', '')
      return node.bytes.copy(into, 0, Math.min(position, node.bytes.length))
    },
    async writeAt(bytes, position) {
      if (node.kind !== 'file') throw failure('EISDIR', '')
      // A copy, because what was synced stays as it was.
      const grown = Buffer.alloc(Math.max(node.bytes.length, position + bytes.length))
      node.bytes.copy(grown)
      grown.set(bytes, position)
      node.bytes = grown
      node.changes = ++changes
      return bytes.length
    },
    async resize(sizeBytes) {
      if (node.kind !== 'file') throw failure('EISDIR', '')
      const resized = Buffer.alloc(sizeBytes)
      node.bytes.copy(resized)
      node.bytes = resized
      node.changes = ++changes
    },
    stat: async () => describe(node),
    async setMode(mode) {
      node.mode = mode
      node.changes = ++changes
    },
    async sync() {
      if (node.kind === 'file') node.synced = node.bytes
      else node.synced = new Map(node.entries)
    },
    close: async () => {},
  })

  /** Makes what was synced (or all there is) the one truth, from `node` down. */
  const settle = (node: Node, keep: 'synced' | 'all'): void => {
    if (node.kind === 'file') {
      if (keep === 'synced') node.bytes = node.synced
      else node.synced = node.bytes
      return
    }
    const survivors = keep === 'synced' ? node.synced : node.entries
    node.entries = new Map(survivors)
    node.synced = new Map(survivors)
    for (const child of survivors.values()) settle(child, keep)
  }

  const memory: MemoryFileSystem = {
    free: Number.POSITIVE_INFINITY,
    freeBytes: async () => memory.free,
    async realpath(path) {
      find(path)
      return join('/', ...partsOf(path))
    },
    async open(path) {
      return handleOf(find(path))
    },
    async openDirectory(path) {
      return handleOf(findDirectory(path))
    },
    async openToWrite(path) {
      const node = find(path)
      if (node.kind !== 'file') throw failure('EISDIR', path)
      return handleOf(node)
    },
    async create(path) {
      const { parent, name, node } = locate(path)
      if (node !== undefined) throw failure('EEXIST', path)
      const empty = Buffer.alloc(0)
      const made: FileNode = {
        kind: 'file',
        inode: ++inodes,
        bytes: empty,
        synced: empty,
        changes: ++changes,
        mode: 0o600,
      }
      parent.entries.set(name, made)
      return handleOf(made)
    },
    stat: async (path) => describe(find(path)),
    async rename(from, to) {
      const source = existing(from)
      const target = locate(to)
      // Two names of one file: a real one does nothing either.
      if (target.node === source.node) return
      if (target.node?.kind === 'directory' && source.node.kind === 'file') {
        throw failure('EISDIR', to)
      }
      source.parent.entries.delete(source.name)
      target.parent.entries.set(target.name, source.node)
      source.node.changes = ++changes
    },
    async link(from, to) {
      const source = existing(from)
      const target = locate(to)
      if (target.node !== undefined) throw failure('EEXIST', to)
      target.parent.entries.set(target.name, source.node)
      source.node.changes = ++changes
    },
    async unlink(path) {
      const { parent, name, node } = existing(path)
      if (node.kind === 'directory') throw failure('EISDIR', path)
      parent.entries.delete(name)
    },
    async makeDirectory(path, mode) {
      const { parent, name, node } = locate(path)
      if (node !== undefined) throw failure('EEXIST', path)
      parent.entries.set(name, makeDirectoryNode(mode))
    },
    async removeDirectory(path) {
      const { parent, name, node } = existing(path)
      if (node.kind !== 'directory') throw failure('ENOTDIR', path)
      if (node.entries.size > 0) throw failure('ENOTEMPTY', path)
      parent.entries.delete(name)
    },
    list: async (path) =>
      [...findDirectory(path).entries].map(([name, node]) => ({ name, kind: node.kind })),
    crash: (keep) => settle(root, keep),
    rot(path) {
      const node = find(path)
      if (node.kind !== 'file') throw failure('EISDIR', path)
      node.bytes = Buffer.from(node.bytes)
      node.bytes.writeUInt8(node.bytes.readUInt8(0) ^ 1, 0)
      node.synced = node.bytes
    },
  }
  return memory
}
