/** A machine whose disk stops confirming what is written: fsync and its like fail when told to. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const source = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int refused(void) {
  const char *path = getenv("MESH_TEST_FAIL_SYNC");
  if (path == NULL || access(path, F_OK) != 0) return 0;
  errno = EIO;
  return 1;
}
int fsync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
  return refused() ? -1 : real(fd);
}
int fdatasync(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
  return refused() ? -1 : real(fd);
}
int msync(void *at, size_t length, int flags) {
  int (*real)(void *, size_t, int) = dlsym(RTLD_NEXT, "msync");
  return refused() ? -1 : real(at, length, flags);
}
`

/** Environment of a process whose syncs fail while the file `switchPath` is there. */
export const failingSync = (
  directory: string,
): { readonly env: NodeJS.ProcessEnv; readonly switchPath: string } | undefined => {
  const library = join(directory, 'failing-sync.so')
  const switchPath = join(directory, 'fail-sync')
  writeFileSync(join(directory, 'failing-sync.c'), source)
  const { status } = spawnSync(
    'cc',
    ['-shared', '-fPIC', '-o', library, join(directory, 'failing-sync.c'), '-ldl'],
    { stdio: 'ignore' },
  )
  if (status !== 0) return undefined
  return { env: { LD_PRELOAD: library, MESH_TEST_FAIL_SYNC: switchPath }, switchPath }
}

/** Why {@link failingSync} cannot work here; `false` if it can. */
export const whyNoFailingSync = (): string | false =>
  process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0
    ? false
    : 'needs Linux and a C compiler to stand between a process and its disk'
