// Learns what others change while somebody has the builder open, and how far the media are.
import { ApiError, getJson } from '../../lib/api.js';

const CALM_MS = 10_000;
const BUSY_MS = 3_000;
const TREE_EVERY = 5;

export class Watching {
  /**
   * `autosave()` returns the open form's, or null; `arranging` the outline's. `refresh({isTree,
   * isMedia})` fetches parts of the page anew; `gone()` says that what is open was deleted.
   */
  constructor(root, { tree, arranging, autosave, refresh, gone, notice, words }) {
    Object.assign(this, { root, tree, arranging, autosave, refresh, gone, notice, words });
    this.url = root.dataset.versionsUrl;
    this.known = null;
    this.rounds = 0;
    this.wait();
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.look();
    });
    window.addEventListener('online', () => this.look());
  }

  get media() {
    return this.root.querySelector('[data-media-url]');
  }

  get isBusy() {
    return this.root.querySelector('[data-busy]') !== null;
  }

  wait() {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.look(), this.isBusy ? BUSY_MS : CALM_MS);
  }

  async look() {
    window.clearTimeout(this.timer);
    if (document.visibilityState === 'visible' && !this.isLooking) {
      this.isLooking = true;
      try {
        await this.lookAtVersions();
        if (this.isBusy) await this.lookAtMedia();
      } catch (error) {
        // A look that failed is made up for by the next; saving tells whether the network is away.
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 404 || error.status === 403) this.gone();
      } finally {
        this.isLooking = false;
      }
    }
    this.wait();
  }

  async lookAtVersions() {
    const now = await getJson(this.url);
    const form = this.autosave();
    const others = othersIn(now, form?.form.dataset.entity);
    const isNews = this.known !== null && this.known !== others;
    this.known = others;
    if (this.arranging.isDirty) return;
    const isMoved = now.outline_version > this.tree.version;
    if (isMoved || isNews) {
      await this.refresh({ isTree: true });
      if (isMoved) this.notice(this.words.outlineChanged);
    }
    if (form) await this.lookAtForm(form, now);
  }

  async lookAtForm(form, now) {
    const { entity, kind } = form.form.dataset;
    const version = kind === 'course' ? now.version : now[`${kind}s`][entity];
    if (version === undefined) return this.gone();
    if (version > form.version && !form.running && !form.asking) await form.catchUp();
  }

  async lookAtMedia() {
    this.rounds += 1;
    const { media } = this;
    if (media) {
      const answer = await getJson(media.dataset.mediaUrl);
      const { video, incoming_video: incoming } = answer.lesson ?? answer;
      if (stateOf(video, incoming) !== media.dataset.state) {
        await this.refresh({ isTree: true, isMedia: true });
        return;
      }
      showProgress(media, incoming ?? video, this.words);
    }
    if (this.rounds % TREE_EVERY === 0 && !this.arranging.isDirty) {
      await this.refresh({ isTree: true });
    }
  }
}

/** Everything but what is open, as one string to compare. */
function othersIn(versions, entity) {
  const { sections, lessons } = versions;
  return JSON.stringify([
    Object.entries(sections).filter(([id]) => id !== entity),
    Object.entries(lessons).filter(([id]) => id !== entity),
  ]);
}

/** The state that decides which panel is shown; the template writes the same into data-state. */
function stateOf(video, incoming) {
  return [video, incoming]
    .map((media) => (media ? `${media.status}-${media.is_playable}-${media.is_complete}` : 'none'))
    .join('/');
}

function showProgress(media, { stage, progress_percent: percent, seconds_left: left }, words) {
  const bar = media.querySelector('progress');
  if (!bar) return;
  bar.value = percent;
  media.querySelector('[data-part="percent"]').textContent = `${percent} %`;
  media.querySelector('[data-part="stage"]').textContent = words.stages[stage] ?? stage ?? '';
  const time = media.querySelector('[data-part="left"]');
  time.textContent = timeLeft(left, words);
}

function timeLeft(seconds, words) {
  if (seconds === null || seconds === undefined) return words.timeUnknown;
  if (seconds < 60) return words.lessThanAMinute;
  return words.minutesLeft.replace('{n}', String(Math.ceil(seconds / 60)));
}
