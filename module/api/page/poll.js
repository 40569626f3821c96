// Asking again and again, but never twice at once, nor while nobody looks.

/**
 * Call `ask` now and every `ms`, or after the longer time in ms that it gives back: what is a lot to
 * answer is asked for less often. → { now(): ask out of turn, stop() }.
 */
export function every(ms, ask) {
  const state = { timer: 0, busy: false, again: false, ended: false };
  const turn = async () => {
    clearTimeout(state.timer);
    if (state.ended) return;
    if (state.busy) {
      state.again = true;
      return;
    }
    state.busy = true;
    const longer = document.hidden ? 0 : await ask();
    state.busy = false;
    if (state.again) {
      state.again = false;
      turn();
      return;
    }
    state.timer = setTimeout(turn, Math.max(ms, longer || 0));
  };
  document.addEventListener('visibilitychange', turn);
  turn();
  return {
    now: turn,
    stop() {
      state.ended = true;
      clearTimeout(state.timer);
      document.removeEventListener('visibilitychange', turn);
    },
  };
}

/** A function that calls `work` once, `ms` after the first of the calls that come meanwhile. */
export function gathered(ms, work) {
  let timer = 0;
  const call = () => {
    if (!timer) timer = setTimeout(() => { timer = 0; work(); }, ms);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}
