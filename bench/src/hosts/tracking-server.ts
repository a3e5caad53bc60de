import { type MlflowStandin, startMlflowStandin } from '@tenon/standins'
import { answerQuestions } from './host-process.js'

export interface TrackingServerInput {
  registeredModels: number
  versionsPerModel: number
  experiments: number
  /** What an answer takes, by endpoint, as a real server takes it: see bench/README.md. */
  delaysMs: Record<string, number>
}

export type TrackingServerCommands = Awaited<ReturnType<typeof startTrackingServer>>['commands']

/** A server with a large registry, in which every version has a run of its own. */
async function startTrackingServer({ delaysMs, ...models }: TrackingServerInput) {
  let isReal = false
  const server: MlflowStandin = await startMlflowStandin({
    models: { ...models, runs: models.registeredModels * models.versionsPerModel },
    frozen: true,
    delayMs: (endpoint) => (isReal ? (delaysMs[endpoint] ?? 0) : 0),
  })
  return {
    commands: {
      url: (): Promise<string> => Promise.resolve(server.url),
      /** Whether answers take as long as a real server needs, or no time at all. */
      pace: (pace: 'real' | 'none'): Promise<void> => {
        isReal = pace === 'real'
        return Promise.resolve()
      },
      /** Questions so far. */
      questions: (): Promise<number> => Promise.resolve(server.requests.length),
    },
    stop: () => server.close(),
  }
}

answerQuestions(startTrackingServer)
