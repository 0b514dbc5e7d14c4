/** Calls all listeners. One that throws must not keep the news from the others, nor break what told of it. */
export function notifyAll<T>(listeners: readonly ((value: T) => void)[], value: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(value);
    } catch (error) {
      window.reportError(error);
    }
  }
}
