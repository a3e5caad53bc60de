import type { RecordedRequest } from './recording.js'

/** A name and a request; together with the answer they make an exchange. */
export interface Question {
  readonly name: string
  readonly request: RecordedRequest
}

const API = '/api/2.0/mlflow'

/**
 * What is asked of a real server that `fillMlflow` filled: by recording file, in the order of asking.
 * `runId` and `experimentId` belong to the run "boosted".
 */
export function mlflowQuestions(runId: string, experimentId: string): Readonly<Record<string, readonly Question[]>> {
  return {
    server: [
      get('health', '/health'),
      get('version', '/version'),
      get('unknown path', `${API}/nothing`),
      get('path of MLflow 1', `${API}/registered-models/list`),
      get('read where a body is expected', `${API}/runs/search`),
      post('body where a read is expected', `${API}/registered-models/search`, {}),
    ],
    'registered-models': [
      ...search('registered-models/search', [
        ['all', {}],
        ['order by name descending', { order_by: 'name DESC' }],
        ['order by two keys', { order_by: ['last_updated_timestamp DESC', 'name ASC'] }],
        ['order by an unknown key', { order_by: 'colour' }],
        ['name equals', { filter: "name = 'churn'" }],
        ['name like', { filter: "name LIKE 'c%'" }],
        ['name ilike', { filter: "name ILIKE 'C%-S%'" }],
        ['by tag', { filter: "tags.team = 'risk'" }],
        ['by two conditions', { filter: "name LIKE 'c%' AND tags.team = 'marketing'" }],
        ['name with the word and in it', { filter: "name = 'this and that'" }],
        ['name in double quotes', { filter: 'name = "churn"' }],
        ['name not equal', { filter: "name != 'churn'" }],
        ['by tag in other case', { filter: "tags.team ILIKE 'RI%'" }],
        ['unquoted name', { filter: 'name = churn' }],
        ['filter by an unknown kind', { filter: "metrics.auc = '1'" }],
        ['filter that matches nothing', { filter: "name = 'nobody'" }],
        ['filter by an unknown attribute', { filter: "colour = 'red'" }],
        ['filter that cannot be parsed', { filter: 'name' }],
        ['page of 0', { max_results: '0' }],
        ['page of less than 0', { max_results: '-1' }],
        ['page of a thousand', { max_results: '1000' }],
        ['page too large', { max_results: '1001' }],
        ['page of letters', { max_results: 'many' }],
        ['page token that is not base64', { page_token: 'bad' }],
        ['page token that is not JSON', { page_token: 'AAAA' }],
      ]),
      ...pages('registered-models/search', '2', 2),
      get('one model', `${API}/registered-models/get`, { name: 'credit-scoring' }),
      get('model with a name that needs escaping', `${API}/registered-models/get`, {
        name: 'fraud detection (EU) – "v2"',
      }),
      get('model without versions', `${API}/registered-models/get`, { name: 'chat-summariser' }),
      get('model that does not exist', `${API}/registered-models/get`, { name: 'nobody' }),
      get('model without a name', `${API}/registered-models/get`),
      get('version by alias', `${API}/registered-models/alias`, { name: 'credit-scoring', alias: 'champion' }),
      get('alias that does not exist', `${API}/registered-models/alias`, { name: 'credit-scoring', alias: 'loser' }),
      get('alias of a model that does not exist', `${API}/registered-models/alias`, { name: 'nobody', alias: 'x' }),
      get('alias without an alias', `${API}/registered-models/alias`, { name: 'credit-scoring' }),
    ],
    'model-versions': [
      ...search('model-versions/search', [
        ['all versions', {}],
        ['versions of one model', { filter: "name = 'credit-scoring'" }],
        ['versions of one run', { filter: `run_id = '${runId}'` }],
        ['versions by tag', { filter: "tags.approved = 'yes'" }],
        ['versions in order of creation', { order_by: 'creation_timestamp ASC' }],
        ['versions in order of number', { order_by: ['version_number ASC', 'name DESC'] }],
        ['versions in an unknown order', { order_by: 'colour' }],
        ['versions of two runs', { filter: `run_id IN ('${runId}', 'x')` }],
        ['versions in two conditions', { filter: `name = 'credit-scoring' and run_id = '${runId}'` }],
        ['versions that match nothing', { filter: "name = 'nobody'" }],
        ['page of 0 versions', { max_results: '0' }],
        ['page of versions too large', { max_results: '200001' }],
        ['page token of versions that is bad', { page_token: 'bad' }],
      ]),
      ...pages('model-versions/search', '3', 2),
      get('one version', `${API}/model-versions/get`, { name: 'credit-scoring', version: '2' }),
      get('version that does not exist', `${API}/model-versions/get`, { name: 'credit-scoring', version: '9' }),
    ],
    experiments: [
      ...search('experiments/search', [
        ['without a page size', {}],
        ['active', { max_results: '10' }],
        ['deleted', { max_results: '10', view_type: 'DELETED_ONLY' }],
        ['all', { max_results: '10', view_type: 'ALL' }],
        ['by name', { max_results: '10', filter: "name = 'credit-scoring'" }],
        ['by part of a name', { max_results: '10', filter: "name LIKE '%detect%'" }],
        ['by time of creation', { max_results: '10', filter: 'creation_time > 1' }],
        ['by an unknown attribute', { max_results: '10', filter: "colour = 'red'" }],
        ['by tag', { max_results: '10', filter: "tags.team = 'risk'" }],
        ['order by name', { max_results: '10', order_by: 'name ASC' }],
        ['page too large', { max_results: '50001' }],
        ['page token that is bad', { max_results: '10', page_token: 'bad' }],
      ]),
      ...pages('experiments/search', '2', 2),
      post('posted', `${API}/experiments/search`, { max_results: 10 }),
      post('posted without a page size', `${API}/experiments/search`, {}),
      post('posted, made since, deleted too, newest first', `${API}/experiments/search`, {
        max_results: 1000,
        view_type: 'ALL',
        filter: 'creation_time >= 1',
        order_by: ['creation_time DESC'],
      }),
      post('posted, made since, when none was', `${API}/experiments/search`, {
        max_results: 1000,
        view_type: 'ALL',
        filter: 'creation_time >= 4102444800000',
        order_by: ['creation_time DESC'],
      }),
      get('one experiment', `${API}/experiments/get`, { experiment_id: experimentId }),
      get('experiment that does not exist', `${API}/experiments/get`, { experiment_id: '99' }),
      get('experiment without an id', `${API}/experiments/get`),
    ],
    runs: [
      ...(
        [
          ['of one experiment', {}],
          ['deleted too', { run_view_type: 'ALL', experiment_ids: ['1', '2', '3'] }],
          ['only deleted', { run_view_type: 'DELETED_ONLY', experiment_ids: ['2'] }],
          ['of several experiments', { experiment_ids: ['1', '2'] }],
          ['of no experiment', { experiment_ids: [] }],
          ['of an experiment that does not exist', { experiment_ids: ['77'] }],
          ['by metric', { filter: 'metrics.auc > 0.8' }],
          ['by param', { filter: "params.depth = '4'" }],
          ['by tag', { filter: "tags.stage = 'candidate'" }],
          ['by status', { filter: "attributes.status = 'FINISHED'" }],
          ['by two conditions', { filter: "attributes.status = 'FINISHED' and metrics.loss < 0.5" }],
          ['by name like', { filter: "run_name LIKE 'b%'" }],
          ['by tag with a dot', { filter: "tags.`mlflow.user` = 'trainer'" }],
          ['by tag with a dot in double quotes', { filter: 'tags."mlflow.runName" = "boosted"' }],
          ['by end', { filter: 'attributes.end_time > 1767605000000' }],
          ['begun since, last first', runsSince('start_time', '1767607200000')],
          ['ended since, last first', runsSince('end_time', '1767610800000')],
          ['begun since, when none has', runsSince('start_time', '4102444800000')],
          [
            'by start, active ones of all experiments',
            {
              filter: 'attributes.start_time > 1767605000000',
              run_view_type: 'ACTIVE_ONLY',
              experiment_ids: ['0', '1', '2', '3', '4'],
            },
          ],
          [
            'by ids, deleted too, of all experiments',
            {
              filter: `attributes.run_id IN ('${runId}', 'x')`,
              run_view_type: 'ALL',
              experiment_ids: ['0', '1', '2', '3', '4'],
              max_results: 1000,
            },
          ],
          ['by ids', { filter: `attributes.run_id IN ('${runId}', 'x')` }],
          ['by status not equal', { filter: "status != 'FINISHED'" }],
          ['by name with the word and in it', { filter: "run_name = 'sand and sea' AND params.depth = '8'" }],
          ['by an unknown attribute', { filter: "attributes.colour = 'red'" }],
          ['by an unknown kind', { filter: "colour.red = '1'" }],
          ['order by metric, descending', { order_by: ['metrics.auc DESC'] }],
          ['order by param', { order_by: ['params.depth DESC', 'attributes.run_name ASC'] }],
          ['order by metric', { order_by: ['metrics.loss ASC'] }],
          ['order by start', { order_by: ['attributes.start_time ASC'] }],
          ['filter that cannot be parsed', { filter: 'metrics.auc' }],
          ['page too large', { max_results: 50001 }],
          ['page of 0', { max_results: 0 }],
          ['page of text', { max_results: 'many' }],
          ['page token that is bad', { page_token: 'bad' }],
          ['page 1', { max_results: 1 }],
        ] as const
      ).map(([name, body]) => post(name, `${API}/runs/search`, { experiment_ids: [experimentId], ...body })),
      {
        name: 'page 2',
        request: {
          ...post('', `${API}/runs/search`, { experiment_ids: [experimentId], max_results: 2 }).request,
          pageTokenFrom: 'page 1',
        },
      },
      get('one run', `${API}/runs/get`, { run_id: runId }),
      get('run that does not exist', `${API}/runs/get`, { run_id: 'nothing' }),
      get('run without an id', `${API}/runs/get`),
    ],
  }
}

/** What is asked of a real server that runs the `basic-auth` app. */
export const authenticationQuestions: readonly Question[] = [
  get('without credentials', `${API}/registered-models/search`),
  withCredentials(get('with the right password', `${API}/registered-models/search`), 'right'),
  withCredentials(get('with a wrong password', `${API}/registered-models/search`), 'wrong'),
  withCredentials(get('by somebody without permission', `${API}/registered-models/get`, { name: 'private' }), 'other'),
  get('health without credentials', '/health'),
  get('version without credentials', '/version'),
]

/** As a synchronisation asks for what is new, naming every experiment, also one that is not there. */
function runsSince(attribute: 'start_time' | 'end_time', ms: string): Record<string, unknown> {
  return {
    filter: `attributes.${attribute} >= ${ms}`,
    order_by: [`attributes.${attribute} DESC`],
    run_view_type: 'ACTIVE_ONLY',
    experiment_ids: ['4', '3', '2', '1', '0', '77'],
    max_results: 1000,
  }
}

function get(name: string, path: string, query?: RecordedRequest['query']): Question {
  return { name, request: { method: 'GET', path, ...(query && { query }) } }
}

function post(name: string, path: string, body: Record<string, unknown>): Question {
  return { name, request: { method: 'POST', path, body } }
}

function search(path: string, asked: readonly (readonly [string, Record<string, string | string[]>])[]): Question[] {
  return asked.map(([name, query]) => get(name, `${API}/${path}`, query))
}

/** Page 1 and each page after it, by the token of the one before. */
function pages(path: string, pageSize: string, count: number): Question[] {
  return Array.from({ length: count }, (_, index) => {
    const question = get(`page ${index + 1}`, `${API}/${path}`, { max_results: pageSize })
    if (index === 0) return question
    return { ...question, request: { ...question.request, pageTokenFrom: `page ${index}` } }
  })
}

function withCredentials(question: Question, credentials: 'right' | 'wrong' | 'other'): Question {
  return { ...question, request: { ...question.request, credentials } }
}
