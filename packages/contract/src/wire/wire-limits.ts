const mebibyte = 1024 * 1024

/** What both ends of a runner's pipes agree on, in bytes. */
export const wireLimits = {
  /** One frame. Larger ones are refused at the header, before a byte of them is kept. */
  maxFrameBytes: 8 * mebibyte,
  /** JSON text from a runner: parsing 8 MB blocks the host for about 60 ms, which is as much as neighbours should feel. */
  maxRunnerMessageBytes: 8 * mebibyte - 64,
  /** JSON text to a runner: an import of 100,000 rows fits. */
  maxHostMessageBytes: 64 * mebibyte,
  /** Bytes beside one message: an upload of 50 MB fits. */
  maxAttachmentBytes: 64 * mebibyte,
  /** A stored file that a handler gets whole; a larger one it reads in pieces. */
  maxWholeFileBytes: 20_000_000,
  /** One piece of an attachment, so that other messages pass in between. */
  chunkBytes: mebibyte,
} as const
