/** Where the configuration is on a machine that runs a daemon as a service. */
export const DEFAULT_CONFIG_PATH = '/etc/mesh/dm.toml'
