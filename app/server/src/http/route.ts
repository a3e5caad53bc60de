import type { Principal, RoleName } from '@tenon/contract'
import type { ZodObject, ZodType, z } from 'zod'

export type HttpMethod = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** Who may call: anybody, or whoever has at least this role. */
export type Access = 'anybody' | RoleName

/** What a handler gets: everything already parsed, and nothing of the request that was not declared. */
export interface RouteInput<Allowed extends Access, Params, Query, Body> {
  principal: Allowed extends 'anybody' ? undefined : Principal
  params: Params
  query: Query
  body: Body
  /** Address of the client, as far as TRUST_PROXY lets it be known. */
  address: string
  /** Of the session that the request is sent in, unchecked where anybody may call. */
  token: string | undefined
  /** For the one thing that an answer says outside of its body: the cookie of a session. */
  setCookie(cookie: string): void
}

/** One endpoint. The router and the OpenAPI document are both made from it, so they cannot differ. */
export interface RouteSpec<
  Allowed extends Access,
  Params extends ZodObject,
  Query extends ZodObject,
  Body extends ZodType,
  Answer extends ZodType,
> {
  method: HttpMethod
  /** As Express writes it: `/api/risks/:id`. */
  path: string
  tag: string
  summary: string
  access: Allowed
  params?: Params
  query?: Query
  body?: Body
  /** Status of success; 200 when absent. */
  status?: 200 | 201
  /** What is in `data`. Fields that it does not name never leave the server. */
  answer: Answer
  handle(input: RouteInput<Allowed, z.output<Params>, z.output<Query>, z.output<Body>>): Promise<z.input<Answer>>
}

/** A route whose types were checked where it was written. */
export interface Route {
  method: HttpMethod
  path: string
  tag: string
  summary: string
  access: Access
  params?: ZodObject
  query?: ZodObject
  body?: ZodType
  status?: 200 | 201
  answer: ZodType
  handle(input: {
    principal: Principal | undefined
    params: unknown
    query: unknown
    body: unknown
    address: string
    token: string | undefined
    setCookie(cookie: string): void
  }): Promise<unknown>
}

/** Declares an endpoint. */
export function route<
  const Allowed extends Access,
  Answer extends ZodType,
  Params extends ZodObject = ZodObject,
  Query extends ZodObject = ZodObject,
  Body extends ZodType = ZodType,
>(spec: RouteSpec<Allowed, Params, Query, Body, Answer>): Route {
  // The one place where the checked types are forgotten; mountRoutes() parses each part with the schema it came from.
  return spec as unknown as Route
}
