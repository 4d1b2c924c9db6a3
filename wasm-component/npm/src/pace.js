// Progress, aborts, and time for other tasks between two pieces.

/** How long a run of pieces may keep everything else waiting, in milliseconds. */
const RUN = 12;

/** What one piece of work reports and checks while it runs. */
export class Pace {
  #done = 0;
  #progress;
  #rested = performance.now();
  #total;

  /**
   * @param {import('./core.js').Bundle[]} bundles
   * @param {((progress: import('./types.js').Progress) => void) | undefined} progress
   * @param {AbortSignal | undefined} signal
   */
  constructor(bundles, progress, signal) {
    signal?.throwIfAborted();
    const sizes = bundles.map(bundle => bundle.size ?? NaN);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    this.#total = Number.isNaN(total) ? undefined : total;
    this.#progress = progress;
    this.signal = signal;
  }

  /**
   * Notes that this many more bytes of the bundles were read.
   * @param {number} length
   */
  read(length) {
    this.#done += length;
    this.#progress?.({ phase: 'reading', done: this.#done, total: this.#total });
    return this.#rest();
  }

  /**
   * Notes that this many more bytes of copies were looked at.
   * @param {number} length
   */
  check(length) {
    this.#done += length;
    this.#progress?.({ phase: 'checking', done: this.#done, total: undefined });
    return this.#rest();
  }

  /** One long call follows. Whatever shows the progress gets time to show it before the call. */
  build() {
    this.#progress?.({ phase: 'building', done: 0, total: undefined });
    return this.#rest(true);
  }

  /**
   * Notes that this many bytes of the database were written.
   * @param {number} done
   * @param {number} total
   */
  write(done, total) {
    this.#progress?.({ phase: 'writing', done, total });
    return this.#rest();
  }

  /** Gives time to other tasks, between two pieces. */
  rest() {
    return this.#rest();
  }

  async #rest(now = false) {
    if (now || performance.now() - this.#rested > RUN) {
      await task();
      this.#rested = performance.now();
    }
    this.signal?.throwIfAborted();
  }
}

/** The next task of the event loop. With promises alone, no event could come in; and browsers delay timers. */
const task = () =>
  new Promise(resolve => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(undefined);
  });
