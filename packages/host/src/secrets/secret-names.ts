const secretName = /password|passwd|secret|token|key|credential/i

/** D-26: names that count as secret where a plugin has not said which of its values are. */
export const isSecretName = (name: string): boolean => secretName.test(name)
