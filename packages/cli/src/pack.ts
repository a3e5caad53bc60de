import { isTenonError, ValidationException } from '@tenon/contract'
import { packMarketplace, type PackedMarketplace, type PackProgress } from '@tenon/host/packing'
import { Command } from 'commander'
import type { Output } from './output.js'

interface PackFlags {
  out: string
  only?: string[]
  json?: boolean
}

const examples = `
Examples:
  tenon pack --out dist                     pack every plugin of the marketplace in this folder
  tenon pack marketplace --out dist --only slack mlflow
                                            pack two; the others stay source-only
The folder that --out names can be served as it is. The same sources always give the same bytes.`

/** `tenon pack`: makes packages, and a plugins.json that names their digests. */
export function packCommand(output: Output): Command {
  return new Command('pack')
    .description('bundle the plugins of a marketplace into packages with digests')
    .argument('[marketplace-dir]', 'folder of plugins.json', '.')
    .requiredOption('-o, --out <dir>', 'folder to write; an earlier result there is replaced')
    .option('--only <key...>', 'pack these plugins and leave the others source-only')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', examples)
    .action(async (marketplaceDir: string, flags: PackFlags) => {
      const onProgress = flags.json === true ? undefined : (step: PackProgress) => output.out(describeStep(step))
      const result = await packMarketplace({
        marketplaceDir,
        outDir: flags.out,
        only: flags.only,
        ...(onProgress === undefined ? {} : { onProgress }),
      }).catch((error: unknown) => {
        throw withRemedy(error, marketplaceDir)
      })
      output.out(flags.json === true ? toJson(result) : describeResult(result))
    })
}

/** A package that is not found was mostly not installed. */
function withRemedy(error: unknown, marketplaceDir: string): unknown {
  const isMissingPackage =
    isTenonError(error) && error.code === 'BUILD_FAILED' && /Could not resolve "[^./]/.test(error.message)
  if (!isMissingPackage) return error
  return new ValidationException(`${error.message}. Run \`npm install\` in ${marketplaceDir} first.`)
}

function describeStep({ key, outcome, done, total }: PackProgress): string {
  return `[${done}/${total}] ${key}: ${outcome === 'copied' ? 'left source-only' : outcome}\n`
}

function describeResult({ outDir, packed }: PackedMarketplace): string {
  const lines = packed.map(({ artifact }) => `  ${artifact.path}  ${artifact.size} bytes  sha256 ${artifact.sha256}`)
  return [`Wrote ${outDir}`, ...lines, ''].join('\n')
}

function toJson({ outDir, packed, copied }: PackedMarketplace): string {
  const plugins = packed.map(({ key, version, artifact, unchanged }) => ({ key, version, artifact, unchanged }))
  return `${JSON.stringify({ outDir, packed: plugins, copied }, undefined, 2)}\n`
}
