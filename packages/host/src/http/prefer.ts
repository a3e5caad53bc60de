import type { Request } from 'express'

/** Whether somebody would rather have the id of the work than wait for it (`Prefer: respond-async`, RFC 7240). */
export const asksForAsync = (request: Request): boolean =>
  /(^|,)\s*respond-async\s*(;|,|$)/i.test(request.get('prefer') ?? '')
