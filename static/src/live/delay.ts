/** Whether what a page knows of a run is current, from when things happened and when they were told. Pure.
 *
 * An event that is told late does not mean that more is to come: after a cut the answer to a hello tells of what happened
 * long ago, and with it the page is current. Only events that come late by themselves mean that the page is behind.
 */

const BEHIND_SECONDS = 3;
/** An answer with at least so many events may be the first of several. */
const LARGE = 5000;

export class Lag {
  private asked = false;

  /** A hello was said: its answer tells all that was missed. */
  hello(): void {
    this.asked = true;
  }

  /** Seconds behind after a message with `events` events, the newest of which happened at `newestAt` (ISO; null when
   * there was none); 0: current. `now` by the server's clock, in ms. */
  heard(newestAt: string | null, events: number, now: number): number {
    const answer = this.asked;
    this.asked = false;
    if (newestAt === null || (answer && events < LARGE)) return 0;
    const late = (now - Date.parse(newestAt)) / 1000;
    return late > BEHIND_SECONDS ? late : 0;
  }
}
