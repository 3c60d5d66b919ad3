/** A daemon process as `mesh server` runs it, without the command line around it. */
import { runDaemon } from '../../src/daemon/index.ts'

process.exit(await runDaemon({ configPath: process.argv[2] }))
