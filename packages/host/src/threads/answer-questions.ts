import { parentPort } from 'node:worker_threads'

/** What a thread says for each question: that it begins, and then its answer, with the time that it took. */
export type FromThread<Answer> = 'begun' | { answer: Answer; ms: number }

/** Runs in a thread: answers what is asked through {@link createAskedThread}. What `answer` throws ends the thread. */
export function answerQuestions<Question, Answer>(answer: (question: Question) => Answer): void {
  const say = (message: FromThread<Answer>): void => parentPort?.postMessage(message)
  parentPort?.on('message', (question: Question) => {
    say('begun')
    const started = performance.now()
    const given = answer(question)
    say({ answer: given, ms: performance.now() - started })
  })
}
