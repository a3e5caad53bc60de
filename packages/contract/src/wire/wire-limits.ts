/** What both ends of a runner's pipes agree on once and for all. */
export const wireConstants = {
  /** One piece of an attachment, in bytes, so that other messages pass in between. */
  chunkBytes: 1024 * 1024,
  /** Pieces that may wait for the message that names them: each costs memory, also one without a byte in it. */
  maxWaitingPieces: 10_000,
  /** Levels of a value: deeper than any honest one; also what ends the walk over a circular one. */
  maxDepth: 100,
  /** Levels of a message around a value: the message itself, and what it tells, such as a request or an answer. */
  envelopeLevels: 2,
  /** What a body in JSON may be made of: more than rows of 10 MB are. See `text-shape.ts`. */
  maxBodyParts: 500_000,
  /** Bytes in one value of a plugin that the host would make JSON of: more than honest values have, in a few milliseconds. */
  maxBytesInJson: 256 * 1024,
  /** Routes that a plugin has, and functions, events, connections and jobs likewise: the host keeps their names. */
  maxNames: 500,
  /** Characters of the name of one of them. */
  maxNameCharacters: 200,
  /** Characters of what a plugin says of itself, as JSON: the host keeps it with the installation. */
  maxMetadataCharacters: 64_000,
  /** Characters of one line of a log; the rest is cut. */
  maxLineCharacters: 8_000,
} as const

/** What a runner is told when it is started. The host holds it to its own side of them in any case. */
export interface RunnerLimits {
  /** Bytes of one frame. */
  maxFrameBytes: number
  /** Bytes of JSON text from the runner. */
  maxRunnerMessageBytes: number
  /** What one JSON text from the runner may be made of; see `text-shape.ts`. */
  maxRunnerMessageParts: number
  /** Bytes of JSON text to the runner. */
  maxHostMessageBytes: number
  /** Bytes beside one message, either way. */
  maxAttachmentBytes: number
  /** Lines that a plugin prints in a second. */
  maxLinesPerSecond: number
  /** Bytes of a stored file that a handler gets whole. */
  maxWholeFileBytes: number
}

/** What one end of a pipe holds itself and the other to. */
export interface ChannelLimits {
  /** Largest body of one frame, bytes. */
  maxFrameBytes: number
  /** Largest JSON text that is accepted from the peer, bytes. */
  maxReceivedMessageBytes: number
  /** Largest JSON text that is sent, bytes. */
  maxSentMessageBytes: number
  /** What one JSON text from the peer may be made of; see `text-shape.ts`. */
  maxReceivedMessageParts: number
  /** What one JSON text that is sent may be made of. */
  maxSentMessageParts: number
  /** Bytes beside one message. */
  maxAttachmentBytes: number
  /** Bytes in one value from the peer that may become JSON. */
  maxReceivedBytesInJson: number
  /** Largest piece of an attachment, bytes; smaller when a frame holds less. */
  chunkBytes: number
}

/** The limits of one end of the pipe that carries messages. */
export function channelLimits(end: 'host' | 'runner', limits: RunnerLimits): ChannelLimits {
  const { maxFrameBytes, maxRunnerMessageBytes, maxRunnerMessageParts, maxHostMessageBytes, maxAttachmentBytes } =
    limits
  // A runner has nobody but itself to keep waiting.
  return {
    maxFrameBytes,
    maxReceivedMessageBytes: end === 'host' ? maxRunnerMessageBytes : maxHostMessageBytes,
    maxSentMessageBytes: end === 'host' ? maxHostMessageBytes : maxRunnerMessageBytes,
    maxReceivedMessageParts: end === 'host' ? maxRunnerMessageParts : Infinity,
    maxSentMessageParts: end === 'host' ? Infinity : maxRunnerMessageParts,
    maxAttachmentBytes,
    maxReceivedBytesInJson: end === 'host' ? wireConstants.maxBytesInJson : Infinity,
    chunkBytes: wireConstants.chunkBytes,
  }
}
