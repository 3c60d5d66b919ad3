import { fileBody } from '../http/index.ts'
import { formatPublicKey } from '../keys/index.ts'
import { isReservedName } from '../statement/index.ts'
import type { Feed, NewEvent } from '../feed/index.ts'
import type { FileChange, Files, FileView, Refusal } from '../files/index.ts'
import type { Health, HealthWarning } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Peer, Transport } from '../transport/index.ts'
import type { Unpack, UnpackEvents } from '../unpack/index.ts'

type FileEventType = Extract<NewEvent, { file: unknown }>['type']

const isPublic = (view: FileView | undefined): boolean =>
  view !== undefined && (view.policy.mode & 0o004) !== 0

/** The network's own files are not there until there is one, for GET /files either. */
const isListed = (view: FileView | undefined): view is FileView =>
  view !== undefined && (view.state !== 'none' || !isReservedName(view.name))

const idOf = (view: FileView | undefined): string | undefined => view?.winner?.signed.id

const typeOf = (before: FileView | undefined, after: FileView): FileEventType => {
  const isNew = before?.state !== after.state || idOf(before) !== idOf(after)
  if (!isNew) return 'file-changed'
  if (after.state === 'shown') return 'file-shown'
  if (after.state === 'deleted') return 'file-deleted'
  return after.state === 'expired' ? 'file-expired' : 'file-changed'
}

/** Whether it came to be in conflict by this. */
const conflicts = (before: FileView | undefined, after: FileView): boolean =>
  after.conflict && (before?.conflict !== true || idOf(before) !== idOf(after))

/** Tells the feed what happens in the parts of a daemon. Answers what ends it. */
export const keepEvents = (
  {
    files,
    transport,
    health,
    unpack,
  }: {
    files: Pick<Files, 'events' | 'view'>
    transport: Pick<Transport, 'events'>
    health: Pick<Health, 'events'>
    unpack: Pick<Unpack, 'events'>
  },
  { feed }: { feed: Feed },
): (() => void) => {
  const onChange = ({ name, before, after }: FileChange): void => {
    const withdrawn = { type: 'file-withdrawn', name, file: null } as const
    if (!isListed(after)) {
      if (isListed(before)) feed.add(withdrawn, isPublic(before) ? 'all' : 'local')
      return
    }
    const audience = isPublic(after) ? 'all' : 'local'
    const file = fileBody(after)
    // Who sees only what is world-readable sees it no more.
    if (audience === 'local' && isListed(before) && isPublic(before)) feed.add(withdrawn, 'public')
    feed.add({ type: typeOf(before, after), name, file }, audience)
    if (conflicts(before, after)) feed.add({ type: 'file-conflict', name, file }, audience)
  }
  const onRefused = (refusal: Refusal & { name: FileName }): void => {
    const { name, version, code, message, signers, from } = refusal
    feed.add(
      {
        ...{ type: 'file-refused', name, version, code, message, suppressed: 0 },
        signers: signers.map((key) => formatPublicKey(key, 'openssh')),
        from: from.kind === 'upload' ? 'upload' : from.peer,
      },
      'local',
    )
  }
  const onTree = ({ name, isThere }: UnpackEvents['switched'][0]): void => {
    const view = files.view(name)
    const type = isThere ? 'file-unpacked' : 'file-tree-gone'
    const file = view === undefined ? null : fileBody(view)
    feed.add({ type, name, file }, isPublic(view) ? 'all' : 'local')
  }
  const onPeer =
    (type: 'peer-connected' | 'peer-gone') =>
    ({ id, name, address }: Peer): void =>
      feed.add({ type, peerId: id, peerName: name ?? null, address: address ?? null }, 'local')
  const onHealth =
    (type: 'health-raised' | 'health-cleared') =>
    ({ code, subject, severity, message }: HealthWarning): void =>
      feed.add({ type, code, subject, severity, message }, 'local')

  const connect = onPeer('peer-connected')
  const disconnect = onPeer('peer-gone')
  const raised = onHealth('health-raised')
  const cleared = onHealth('health-cleared')
  files.events.on('change', onChange).on('refused', onRefused)
  transport.events.on('connect', connect).on('disconnect', disconnect)
  unpack.events.on('switched', onTree)
  health.events.on('raised', raised).on('cleared', cleared)
  return () => {
    files.events.off('change', onChange).off('refused', onRefused)
    transport.events.off('connect', connect).off('disconnect', disconnect)
    unpack.events.off('switched', onTree)
    health.events.off('raised', raised).off('cleared', cleared)
  }
}
