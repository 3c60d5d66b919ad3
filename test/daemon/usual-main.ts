/** A daemon process that nobody gave a configuration; the usual one lies where the argument says. */
import { runDaemon } from '../../src/daemon/index.ts'

process.stdin.resume().once('end', () => process.exit(1))
process.stdin.unref?.()
process.exit(await runDaemon({ usualPath: process.argv[2] }))
