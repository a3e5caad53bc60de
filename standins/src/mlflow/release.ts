/** The releases whose answers were recorded and are played, by major version. */
export const MLFLOW_VERSIONS = { 2: '2.22.5', 3: '3.17.2' } as const
export type MlflowRelease = keyof typeof MLFLOW_VERSIONS
