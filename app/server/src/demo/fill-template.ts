import ExcelJS from 'exceljs'

const phases = ['Data collection & processing', 'Model development & training', 'Monitoring & maintenance']
const likelihoods = ['Rare', 'Unlikely', 'Possible', 'Likely', 'Almost Certain']
const severities = ['Negligible', 'Minor', 'Moderate', 'Major', 'Catastrophic']

/** exceljs would hold a rule for each of a million cells of a column. */
const WITHOUT_RULES = { ignoreNodes: ['dataValidations'] }

/** Fills risks into the template as a person does: below the headings, with values from the dropdowns. */
export async function fillTemplate(
  template: Uint8Array,
  { count, owner }: { count: number; owner: string },
): Promise<Uint8Array> {
  const workbook = new ExcelJS.Workbook()
  await workbook.xlsx.load(Buffer.from(template) as unknown as ArrayBuffer, WITHOUT_RULES)
  const sheet = workbook.worksheets.find(({ state }) => state === 'visible')
  if (!sheet) throw new Error('the template has no visible sheet')
  const headings = headingsOf(sheet)
  for (let index = 0; index < count; index += 1) {
    const values: Record<string, string> = {
      risk_name: `Risk ${index + 1}`,
      risk_owner: owner,
      risk_description: `What could go wrong in step ${index + 1}`,
      ai_lifecycle_phase: pick(phases, index),
      likelihood: pick(likelihoods, index),
      severity: pick(severities, Math.floor(index / likelihoods.length)),
    }
    const row = sheet.getRow(index + 2)
    for (const [column, heading] of headings) row.getCell(column).value = values[heading] ?? null
  }
  return new Uint8Array(await workbook.xlsx.writeBuffer())
}

/** Corrects a file that was given back with its mistakes marked: what a cell said, and what it is to say. */
export async function correctFile(file: Uint8Array, corrections: Record<string, string>): Promise<Uint8Array> {
  const workbook = new ExcelJS.Workbook()
  await workbook.xlsx.load(Buffer.from(file) as unknown as ArrayBuffer, WITHOUT_RULES)
  for (const sheet of workbook.worksheets) {
    sheet.eachRow((row) =>
      row.eachCell((cell) => {
        cell.value = corrections[cell.text] ?? cell.value
      }),
    )
  }
  return new Uint8Array(await workbook.xlsx.writeBuffer())
}

/** Column number and name: "Risk Name *" is `risk_name`. */
function headingsOf(sheet: ExcelJS.Worksheet): [number, string][] {
  const headings: [number, string][] = []
  sheet.getRow(1).eachCell((cell, column) => {
    const name = cell.text
      .replace(/\(.*?\)|\*/g, '')
      .trim()
      .toLowerCase()
      .replace(/\s+/g, '_')
    headings.push([column, name])
  })
  return headings
}

function pick(values: readonly string[], index: number): string {
  return values[index % values.length] ?? ''
}
