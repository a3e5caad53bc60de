import * as z from 'zod'
import type { BundleReport } from './bundle-process.js'

const reportSchema = z.object({
  missingFiles: z.array(z.object({ importer: z.string(), path: z.string() })),
  missingPackages: z.array(z.object({ importer: z.string(), name: z.string() })),
  refusals: z.array(z.string()),
  errors: z.array(z.string()),
})

/**
 * What a line of the bundler's process says; undefined when it is no report. That process has the code of strangers in it,
 * so that nothing it says may come as a surprise.
 */
export function readReport(line: string): BundleReport | undefined {
  try {
    return reportSchema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}
