/* Calls `tick` again and again: one call at a time, none while the tab is hidden.
 *
 * Rule 1: the pause is between the end of one call and the start of the next, so a slow agent is not asked faster.
 */

function shown() {
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    look();
  });
}

/** Start; `tick` is async and does not throw. Returns `nudge()`: call soon, because something else is wanted. */
export function poll(tick, every) {
  let wake = null;
  let nudged = false;

  const pause = () =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, nudged ? 0 : every);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async () => {
    for (;;) {
      await shown();
      nudged = false;
      await tick();
      await pause();
      wake = null;
    }
  };
  run();

  return () => {
    nudged = true;
    wake?.();
  };
}
