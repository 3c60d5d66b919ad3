import type { Registry } from 'prom-client'

/** One value of a metric, with a value for each of its labels. */
export interface Reading {
  readonly value: number
  readonly labels?: Readonly<Record<string, string>>
}

/** One metric, named and typed by the conventions of Prometheus. */
export interface MetricInit {
  /** `mesh_` first; the unit last, then `_total` for counters. */
  readonly name: string
  readonly help: string
  readonly type: 'gauge' | 'counter'
  readonly labels?: readonly string[]
  /** Asked at each exposition, so that what is counted anyway costs nothing in between. */
  read(): number | undefined | Iterable<Reading>
}

/** What a daemon tells Prometheus. */
export interface Metrics {
  /** @throws Error if there is one of this name */
  add(metric: MetricInit): void
  list(): readonly MetricInit[]
  /** Everything in the text format of Prometheus. */
  expose(): Promise<{ readonly text: string; readonly contentType: string }>
}

/** Gauges of prom-client that are called totals, which `promtool check metrics` refuses; their parts stay. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/** The library is loaded when somebody asks first: most daemons of a fleet are never asked. */
const createRegistry = async (metrics: Iterable<MetricInit>): Promise<Registry> => {
  const { collectDefaultMetrics, Counter, Gauge, Registry } = await import('prom-client')
  const registry = new Registry()
  for (const { name, help, type, labels = [], read } of metrics) {
    const common = { name, help, labelNames: labels, registers: [registry] }
    const readings = (): Iterable<Reading> => {
      const found = read()
      return found === undefined ? [] : typeof found === 'number' ? [{ value: found }] : found
    }
    if (type === 'gauge') {
      new Gauge({
        ...common,
        collect() {
          this.reset()
          if (labels.length > 0 || read() !== undefined) {
            for (const { value, labels: of = {} } of readings()) this.set(of, value)
          } else this.remove()
        },
      })
    } else {
      new Counter({
        ...common,
        collect() {
          this.reset()
          for (const { value, labels: of = {} } of readings()) this.inc(of, value)
        },
      })
    }
  }
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  return registry
}

export const createMetrics = (): Metrics => {
  const metrics = new Map<string, MetricInit>()
  let registry: Promise<Registry> | undefined
  return {
    add(metric) {
      if (metrics.has(metric.name)) throw new Error(`there is a metric ${metric.name} already`)
      metrics.set(metric.name, metric)
      registry = undefined
    },
    list: () => [...metrics.values()],
    async expose() {
      registry ??= createRegistry(metrics.values())
      const { contentType, metrics: text } = await registry.then(async (found) => ({
        contentType: found.contentType,
        metrics: await found.metrics(),
      }))
      return { text, contentType }
    },
  }
}
