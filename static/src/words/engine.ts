/** Why nodes wait, as the engine says it in English, in the reader's language; dashboard/engine_words.py does the same. */

import { gettext_noop, like } from "./i18n";

const CONDITIONS: readonly string[] = [
  gettext_noop("Waits until another run of this workflow ends: at most {n} may run at once."),
  gettext_noop("Waits until another node of this run ends: at most {n} may run at once."),
  gettext_noop(
    "Waits for another node that was lost {n} times to end: such run one at a time, for one may be the cause.",
  ),
  gettext_noop('Waits for pool "{pool}", which does not exist (any more); create it to go on.'),
  gettext_noop(
    'Needs {n} slots of pool "{pool}", which has {slots}; add slots to the pool, or retry the node with fewer.',
  ),
  gettext_noop('Waits for pool "{pool}" behind another node, for which its free slots are reserved.'),
  gettext_noop('Waits for 1 slot of pool "{pool}": {used} of {slots} are in use.'),
  gettext_noop('Waits for {n} slots of pool "{pool}": {used} of {slots} are in use.'),
  gettext_noop(
    'No worker takes the queue "{queue}": start one with `celery -A engine worker -Q {name}`, or give the node another queue.',
  ),
  gettext_noop("Has been sent to a node process, which first ends another short node."),
  gettext_noop("Waits for a free node process; there are {n}."),
  gettext_noop("Waits for a free node process."),
  gettext_noop("Waits for its upstream nodes to be decided."),
  gettext_noop("Waits for {names} and {n} more to end."),
  gettext_noop("Waits for {names} to end."),
  gettext_noop("Waits for the scheduler to take up the run."),
  gettext_noop("Retry {n} of {all} starts at {time}."),
];

/** What fits no sentence is shown as it is. */
export function engineWords(text: string): string {
  return like(text, CONDITIONS);
}
