import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import pg, { type ClientBase } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { DataFile } from './backup-manifest.js'

/** Writes the rows of a table, as the connection's role and snapshot see them. */
export async function copyToFile(client: ClientBase, directory: string, data: DataFile): Promise<void> {
  const source = client.query(copyTo(`COPY ${target(data)} TO STDOUT`))
  await pipeline(source, createGzip(), createWriteStream(join(directory, data.file), { mode: 0o600 }))
}

export async function copyFromFile(client: ClientBase, directory: string, data: DataFile): Promise<void> {
  const sink = client.query(copyFrom(`COPY ${target(data)} FROM STDIN`))
  await pipeline(createReadStream(join(directory, data.file)), createGunzip(), sink)
}

export function qualified({ schema, name }: { schema: string; name: string }): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
}

function target(data: DataFile): string {
  return `${qualified(data)} (${data.columns.map((column) => pg.escapeIdentifier(column)).join(', ')})`
}
