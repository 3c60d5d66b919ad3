import t from 'tap'
import { createMetrics } from '../../src/observe/index.ts'

t.test('metrics are read at each exposition and told in the format of Prometheus', async (t) => {
  const metrics = createMetrics()
  let peers = 3
  metrics.add({
    name: 'mesh_peers_connected',
    help: 'Peers.',
    type: 'gauge',
    read: () => peers,
  })
  metrics.add({
    name: 'mesh_files',
    help: 'Files.',
    type: 'gauge',
    labels: ['state'],
    read: () => [{ value: 2, labels: { state: 'shown' } }],
  })
  metrics.add({ name: 'mesh_runs_total', help: 'Runs.', type: 'counter', read: () => 7 })
  const first = await metrics.expose()
  t.match(first.contentType, /^text\/plain; version=0\.0\.4/)
  t.match(first.text, /^# TYPE mesh_peers_connected gauge\nmesh_peers_connected 3$/m)
  t.match(first.text, /^mesh_files\{state="shown"\} 2$/m)
  t.match(first.text, /^# TYPE mesh_runs_total counter\nmesh_runs_total 7$/m)
  t.match(first.text, /^process_resident_memory_bytes \d+$/m)
  peers = 1
  const second = await metrics.expose()
  t.match(second.text, /^mesh_peers_connected 1$/m)
  t.match(second.text, /^mesh_runs_total 7$/m, 'a counter does not add up what it reads')
})

t.test('a value that is not there is not told, whatever it was before', async (t) => {
  const metrics = createMetrics()
  let value: number | undefined = 5
  metrics.add({ name: 'mesh_expiry_seconds', help: 'End.', type: 'gauge', read: () => value })
  t.match((await metrics.expose()).text, /^mesh_expiry_seconds 5$/m)
  value = undefined
  t.notMatch((await metrics.expose()).text, /^mesh_expiry_seconds/m)
})

t.test('two metrics of one name are refused', async (t) => {
  const metrics = createMetrics()
  const metric = { name: 'mesh_x', help: 'X.', type: 'gauge', read: () => 1 } as const
  metrics.add(metric)
  t.throws(() => metrics.add(metric), /mesh_x/)
})
