import type { Principal, RoleName } from '@tenon/contract'
import type { Request } from 'express'
import type { ZodType } from 'zod'
import type { ServerEvent } from './event-stream.js'

/** What a request is answered with. */
export type Answer =
  | { status: number; data: unknown; headers?: Record<string, string> }
  | { status: number; file: AnswerFile; headers?: Record<string, string> }
  | { status: 200; events: AsyncGenerator<ServerEvent[], void, undefined> }

export const ok = (data: unknown): Answer => ({ status: 200, data })
export const created = (data: unknown): Answer => ({ status: 201, data })

export interface AnswerFile {
  content: Uint8Array
  filename: string
  contentType: string
}

/** A request after everything in it was checked. */
export interface Call<Params = Record<string, string>, Query = unknown, Body = unknown> {
  params: Params
  query: Query
  /** Undefined where the endpoint reads it late. */
  body: Body
  /** The body of an endpoint that reads it late, checked. */
  readBody: () => Promise<Body>
  principal: Principal
  request: Request
  signal: AbortSignal
}

/** One endpoint: what it takes, what it answers, who may call it. The router and the OpenAPI document are made from it. */
export interface Endpoint<Params = unknown, Query = unknown, Body = unknown> {
  /** The seed's name of the handler (S60). */
  operation: string
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As Express writes it, below the base path. */
  path: string
  tag: string
  summary: string
  description?: string
  /** The least role (D-25). */
  role: RoleName
  /** Only for the people who run the whole installation. */
  operator?: boolean
  /** The body is read by the endpoint itself, once it is known that the plugin runs and the caller may call it. */
  readsBodyLate?: boolean
  params?: ZodType<Params>
  query?: ZodType<Query>
  body?: ZodType<Body>
  /** Also takes a form with a file, which goes to the plugin as it is. */
  takesFiles?: boolean
  success: { status: number; schema: ZodType } | { status: number; contentType: string }
  /** Statuses of errors that are particular to this endpoint. */
  errors?: number[]
  limited?: boolean
  /** Answers 202 with the id of a run when it is asked to, and when the work takes longer than a minute. */
  mayGoOn?: boolean
  handle(call: Call<Params, Query, Body>): Promise<Answer>
}

/** Keeps the types of one endpoint together while it is written down. */
export function endpoint<Params, Query, Body>(definition: Endpoint<Params, Query, Body>): Endpoint {
  return definition as unknown as Endpoint
}
