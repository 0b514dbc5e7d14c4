/** Tells how far behind a page is, by the age of the events that it receives. Pure.
 *
 * The answer to a hello may hold old events and still bring the page up to date. Only unrequested events that arrive late
 * show that the page is behind.
 */

const BEHIND_SECONDS = 3;
/** An answer with at least so many events may be the first of several. */
const LARGE_ANSWER = 5000;

export class DelayMeter {
  private awaitingAnswer = false;

  /** A hello was sent: its answer brings everything that was missed. */
  helloSent(): void {
    this.awaitingAnswer = true;
  }

  /** Returns the seconds that the page is behind after a message with `events` events, the newest from `newestAt` (ISO;
   * null: there is none); 0: current. `now`: milliseconds by the server's clock. */
  received(newestAt: string | null, events: number, now: number): number {
    const answer = this.awaitingAnswer;
    this.awaitingAnswer = false;
    if (newestAt === null || (answer && events < LARGE_ANSWER)) return 0;
    const late = (now - Date.parse(newestAt)) / 1000;
    return late > BEHIND_SECONDS ? late : 0;
  }
}
