import { type RoleName, roleNames } from '@tenon/contract'
import * as z from 'zod'
import { requiredText, text, timestampSchema } from '../http/fields.js'

/** Addresses are compared as written in lower case, everywhere. */
export const emailSchema = z.string().trim().toLowerCase().max(255).pipe(z.email('must be an email address'))

const minPasswordLength = 8
/** Longer ones would only cost time to hash. */
const maxPasswordLength = 1000

export const newPasswordSchema = z
  .string()
  .min(minPasswordLength, `must have at least ${minPasswordLength} characters`)
  .max(maxPasswordLength, `must have at most ${maxPasswordLength} characters`)

export const roleSchema = z.enum(roleNames as [RoleName, ...RoleName[]])

export const registrationSchema = z
  .object({
    organizationName: requiredText(255),
    name: requiredText(255),
    surname: requiredText(255),
    email: emailSchema,
    password: newPasswordSchema,
  })
  .meta({ id: 'Registration' })
export type RegistrationInput = z.output<typeof registrationSchema>

export const loginSchema = z
  .object({ email: text(255).toLowerCase(), password: z.string().max(maxPasswordLength) })
  .meta({ id: 'Login' })

export const newUserSchema = z
  .object({
    name: requiredText(255),
    surname: requiredText(255),
    email: emailSchema,
    role: roleSchema,
    password: newPasswordSchema,
  })
  .meta({ id: 'NewUser' })
export type NewUser = z.output<typeof newUserSchema>

export const userSchema = z
  .object({
    id: z.int(),
    name: z.string(),
    surname: z.string(),
    email: z.string(),
    role: roleSchema,
    createdAt: timestampSchema,
    lastLogin: timestampSchema.nullable(),
  })
  .meta({ id: 'User' })

/** Of a person what everybody in the organization may know. */
export const userNameSchema = userSchema.pick({ id: true, name: true, surname: true }).meta({ id: 'UserName' })

export const organizationSchema = z
  .object({ id: z.int(), name: z.string(), tenantId: z.string() })
  .meta({ id: 'Organization' })

export const accountSchema = z
  .object({
    user: userSchema.extend({ isOperator: z.boolean() }).meta({ id: 'SignedInUser' }),
    organization: organizationSchema,
  })
  .meta({ id: 'Account' })

export const browserSessionSchema = accountSchema
  .extend({ csrfToken: z.string().describe('To be sent as X-CSRF-Token with every change') })
  .meta({ id: 'BrowserSession' })

export const signedInSchema = accountSchema.extend({ token: z.string() }).meta({ id: 'SignedIn' })
