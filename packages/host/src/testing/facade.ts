import { decodeValue, encodeValue } from '@tenon/contract/wire'
import { createDatabase, createSequelize, type PluginDatabase, type Sequelize } from '@tenon/runner/sequelize'
import type { DatabaseSession } from '../tenancy/index.js'

/** What a plugin sees of a session, with everything that crosses the wire really encoded. */
export function facadeOver(session: Pick<DatabaseSession, 'handlers'>): {
  sequelize: Sequelize
  database: PluginDatabase
} {
  const request = async (method: string, params: unknown) => {
    const handler = session.handlers[method as keyof DatabaseSession['handlers']]
    return overTheWire(await handler(overTheWire(params)))
  }
  return { sequelize: createSequelize({ request }), database: createDatabase({ request }) }
}

function overTheWire(value: unknown): unknown {
  const attachments: Buffer[] = []
  const text = encodeValue(value, (bytes) => attachments.push(Buffer.from(bytes)) - 1)
  return decodeValue(text, (id) => attachments[id] ?? Buffer.alloc(0))
}
