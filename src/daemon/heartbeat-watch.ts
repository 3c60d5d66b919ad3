import { CERTIFICATES_FILE, HEARTBEAT_FILE, REVOKED_FILE } from '../trust/index.ts'
import { formatDuration, formatTimestamp } from '../util/index.ts'
import type { TrustBody } from '../api/index.ts'
import type { Files } from '../files/index.ts'
import type { Health } from '../observe/index.ts'
import type { FileName } from '../statement/index.ts'
import type { Heartbeat } from '../trust/index.ts'
import type { Clock } from '../util/index.ts'

/** How long another file may lag behind the heartbeat: they travel one by one. */
export const BEHIND_GRACE_MS = 30_000

/** Whether this node still hears from whoever holds the network key. */
export interface HeartbeatWatch {
  /** The content of the newest heartbeat that is here. */
  heard(heartbeat: Heartbeat | undefined): void
  /** Keeps the warnings true; answers in how many ms they may change by themselves. */
  check(): number | undefined
  status(): TrustBody['heartbeat']
}

export const createHeartbeatWatch = ({
  files,
  clock,
  health,
}: {
  files: Pick<Files, 'view'>
  clock: Clock
  health: Health
}): HeartbeatWatch => {
  let last: Heartbeat | undefined
  let behindSinceMs: number | undefined

  const current = () => files.view(HEARTBEAT_FILE)?.winner?.signed.statement

  const versionOf = (name: FileName): number =>
    files.view(name)?.winner?.signed.statement.version ?? 0

  const missing = (): string[] => {
    if (last === undefined) return []
    const wanted = [
      [CERTIFICATES_FILE, last.certificates],
      [REVOKED_FILE, last.revoked],
    ] as const
    return wanted.flatMap(([name, version]) =>
      versionOf(name) < version ? [`${name} version ${version} (here: ${versionOf(name)})`] : [],
    )
  }

  const checkBehind = (): number | undefined => {
    const files = missing()
    if (files.length === 0) {
      behindSinceMs = undefined
      health.clear('trust-behind')
      return undefined
    }
    behindSinceMs ??= clock.monotonicMs()
    const leftMs = behindSinceMs + BEHIND_GRACE_MS - clock.monotonicMs()
    if (leftMs > 0) return leftMs
    health.raise({
      code: 'trust-behind',
      subject: '',
      severity: 'warning',
      message: `the heartbeat names what this node was not given: ${files.join(', ')}; somebody keeps it back, or nobody it knows has it; connect it to other peers`,
    })
    return undefined
  }

  const checkStale = (): number | undefined => {
    const statement = current()
    const expires = statement?.content === 'deleted' ? 'never' : (statement?.expires ?? 'never')
    const leftMs = expires === 'never' ? undefined : expires - clock.nowMs()
    if (leftMs === undefined || leftMs > 0 || expires === 'never') {
      health.clear('stale')
      return leftMs
    }
    health.raise({
      code: 'stale',
      subject: '',
      severity: 'warning',
      message: `this node is stale: its last heartbeat (${HEARTBEAT_FILE} version ${statement?.version}) ended at ${formatTimestamp(expires)}, ${formatDuration(-leftMs)} ago; it goes on with what it has, and may be cut off or kept from news. Connect it, or let whoever holds the network key run "mesh network heartbeat"`,
    })
    return undefined
  }

  return {
    heard(heartbeat) {
      // An expired one is not shown any more; what it said is still true.
      if (heartbeat !== undefined || current()?.content === 'deleted') last = heartbeat
      if (current() === undefined) last = undefined
    },
    check() {
      const due = [checkStale(), checkBehind()].filter((each) => each !== undefined)
      return due.length === 0 ? undefined : Math.min(...due)
    },
    status() {
      const statement = current()
      if (statement === undefined || statement.content === 'deleted') return null
      const { version, expires } = statement
      return {
        version,
        expires: expires === 'never' ? expires : formatTimestamp(expires),
        stale: expires !== 'never' && expires <= clock.nowMs(),
      }
    },
  }
}
