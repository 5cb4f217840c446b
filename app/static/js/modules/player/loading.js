/** How hls.js loads: which answers are worth asking again, and how long to wait. */

const BACK_OFF = { retryDelayMs: 500, maxRetryDelayMs: 8000, backoff: 'exponential' };
const REFUSED_TRIES = 3;

function isPassing(status) {
  return !status || status === 408 || status === 429 || status >= 500;
}

function retry(maxNumRetry, isWorthAgain) {
  return {
    ...BACK_OFF,
    maxNumRetry,
    shouldRetry: (config, count, isTimeout, response) =>
      count < config.maxNumRetry && (isTimeout || isWorthAgain(response?.code, count)),
  };
}

function policy(maxTimeToFirstByteMs, maxLoadTimeMs, errorRetry) {
  const timeoutRetry = { ...BACK_OFF, maxNumRetry: 3 };
  return { default: { maxTimeToFirstByteMs, maxLoadTimeMs, timeoutRetry, errorRetry } };
}

/** Return the load policies. `onRefused` hears of a segment refused with 403. */
export function loadPolicies(onRefused) {
  const segment = (status, count) => {
    if (status !== 403) return isPassing(status);
    onRefused();
    return count < REFUSED_TRIES;
  };
  return {
    manifestLoadPolicy: policy(10_000, 20_000, retry(4, isPassing)),
    playlistLoadPolicy: policy(10_000, 20_000, retry(5, isPassing)),
    keyLoadPolicy: policy(8000, 20_000, retry(5, isPassing)),
    fragLoadPolicy: policy(10_000, 60_000, retry(6, segment)),
  };
}

/** Return a playlist loader that already has the multivariant playlist in hand. */
export function playlistLoader(Base, manifest) {
  return class extends Base {
    load(context, config, callbacks) {
      const { text, url } = manifest();
      if (context.type !== 'manifest' || context.url !== url) {
        super.load(context, config, callbacks);
        return;
      }
      const now = performance.now();
      Object.assign(this.stats.loading, { start: now, first: now, end: now });
      this.stats.loaded = this.stats.total = text.length;
      queueMicrotask(() => callbacks.onSuccess({ url, data: text }, this.stats, context, null));
    }
  };
}
