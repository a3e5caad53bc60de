/**
 * Attacks on a bare role that are stopped only where a superuser has prepared the server: functions and languages that
 * every role may use otherwise. None of them reaches a row of another organization. Whatever else succeeds is a hole on
 * any server.
 */
export const stoppedByPreparation: ReadonlySet<string> = new Set([
  'makes a large object',
  'fills a large object',
  'reads large objects of others',
  'removes large objects of others',
  'makes a function in SQL',
  'makes a function in SQL with a parsed body',
  'makes an aggregate',
  'reads what others are doing',
  'reads what others are doing, by function',
  'reads the last statement of others',
  'reads the locks of others',
  'reads the locks of others, by function',
  'says something in the name of the host, by function',
  'writes into the write-ahead log',
  'takes an advisory lock',
  'takes the advisory lock of the migrations',
  'takes an advisory lock for a transaction',
  'reads settings of roles',
  'hides a function in ALTER TABLE',
  'runs SQL from a text with database_to_xml',
  'hides a function in the condition of an allowed DO block',
  'catches errors in a DO block',
])
