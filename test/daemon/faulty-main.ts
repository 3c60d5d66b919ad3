/** A daemon process with a defect that shows when it is told to. */
import { runDaemon } from '../../src/daemon/index.ts'

process.on('SIGUSR2', () => void Promise.reject(new TypeError('a defect')))
process.exit(await runDaemon({ configPath: process.argv[2] }))
