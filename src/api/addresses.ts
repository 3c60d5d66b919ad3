/** Longest path of a unix socket: `sun_path` on Linux, without its NUL. */
export const MAX_SOCKET_PATH_BYTES = 107
export const DEFAULT_SOCKET_PATH = '/run/mesh/mesh.sock'
export const DEFAULT_HTTP_PORT = 7331
export const DEFAULT_CLUSTER_PORT = 7946
