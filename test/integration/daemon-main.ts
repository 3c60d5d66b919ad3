/** A daemon process as `mesh server` runs it, without the command line around it. */
import { runDaemon } from '../../src/daemon/index.ts'

// Whoever started it holds the other end; a test that is killed leaves no daemon behind.
process.stdin.resume().once('end', () => process.exit(1))
process.stdin.unref?.()

// A machine whose clock is wrong: by so much, from the first moment on.
const shiftMs = Number(process.env.MESH_TEST_CLOCK_SHIFT_MS ?? 0)
if (shiftMs !== 0) {
  const { now } = Date
  Date.now = () => now() + shiftMs
}

process.exit(await runDaemon({ configPath: process.argv[2] }))
