import type { ConnectionTestStep, TestConnectionResult } from '@tenon/sdk'
import { readConfiguration, validateConfig } from './configuration'
import { MlflowError, type MlflowFailure } from './mlflow-error'
import { connectMlflow, type MlflowServer } from './mlflow-server'
import { probeRegistry } from './registry'

const STEPS = ['Configuration', 'Connection', 'Sign-in', 'Model registry'] as const

/** The step that each failure belongs to; those before it went well, those after it were not tried. */
const STEP_OF_FAILURE: Record<MlflowFailure, (typeof STEPS)[number]> = {
  address: 'Connection',
  network: 'Connection',
  tls: 'Connection',
  timeout: 'Connection',
  cancelled: 'Connection',
  authentication: 'Sign-in',
  permission: 'Sign-in',
  'not-found': 'Model registry',
  busy: 'Model registry',
  unavailable: 'Model registry',
  fault: 'Model registry',
  answer: 'Model registry',
}

export interface MlflowTestResult extends TestConnectionResult {
  serverVersion: string
  testedAt: string
  steps: ConnectionTestStep[]
}

/** Asks the server one question of the kind that a synchronisation asks. Never throws. */
export async function testConnection(
  config: Record<string, unknown>,
  context?: { signal?: AbortSignal },
): Promise<MlflowTestResult> {
  const { valid, errors } = validateConfig(config)
  if (!valid) return failed('Configuration', errors.join('; '))
  const server = connectMlflow(readConfiguration(config), { signal: context?.signal, attempts: 1 })
  try {
    await probeRegistry(server)
    const serverVersion = await versionOf(server)
    return {
      success: true,
      message: `Connected to ${server.host}${serverVersion === 'unknown' ? '' : ` (MLflow ${serverVersion})`}.`,
      serverVersion,
      testedAt: new Date().toISOString(),
      steps: STEPS.map((name) => ({ name, ok: true })),
    }
  } catch (error) {
    if (!(error instanceof MlflowError)) return failed('Connection', 'The connection failed for an unknown reason.')
    return failed(STEP_OF_FAILURE[error.failure], error.message)
  } finally {
    server.close()
  }
}

function failed(step: (typeof STEPS)[number], message: string): MlflowTestResult {
  const index = STEPS.indexOf(step)
  return {
    success: false,
    message,
    serverVersion: 'unknown',
    testedAt: new Date().toISOString(),
    steps: STEPS.slice(0, index + 1).map((name) => (name === step ? { name, ok: false, message } : { name, ok: true })),
  }
}

/** Servers before 2.0 and servers below a path may not have it. */
async function versionOf(server: MlflowServer): Promise<string> {
  const text = await server.text('version').catch(() => '')
  return /^\d+(\.\w+){1,4}$/.test(text) ? text : 'unknown'
}
