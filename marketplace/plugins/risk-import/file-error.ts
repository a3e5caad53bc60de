/** A file that cannot be read, with a sentence for the person who chose it. */
export class FileError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'FileError'
  }
}

/** Titles that are those of a risk, but not all that are needed, or one of them twice. */
export class HeaderError extends FileError {}
