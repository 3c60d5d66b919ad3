/** A daemon process as `mesh server` runs it, without the command line around it. */
import { runDaemon } from '../../src/daemon/index.ts'

// Whoever started it holds the other end; a test that is killed leaves no daemon behind.
process.stdin.resume().once('end', () => process.exit(1))
process.stdin.unref?.()

process.exit(await runDaemon({ configPath: process.argv[2] }))
