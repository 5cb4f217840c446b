/** The editor of captions: the video on one side, its cues on the other, saved as WebVTT. */

import { ApiError, sendJson } from '../lib/api.js';
import { CueList } from './caption-editor/cue-list.js';
import { Draft } from './caption-editor/draft.js';
import { Stage } from './caption-editor/stage.js';
import { parse, write } from './caption-editor/webvtt.js';
import { phrase } from './player/config.js';

const DRAFT_DELAY_MS = 800;

export function init(root) {
  new Editor(root).start();
}

class Editor {
  #part;
  #words;
  #version;
  #saved;
  #list;
  #stage = null;
  #draft;
  #timer = 0;
  #isSaving = false;
  #removed = null;

  constructor(root) {
    this.#part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.root = root;
    this.#words = JSON.parse(this.#part('words').textContent);
    this.#version = Number(root.dataset.version);
    this.#draft = new Draft(root.dataset.url);
    this.#list = new CueList(this.#part('cues'), this.#part('cue'), this.#words);
  }

  start() {
    this.#take(this.#part('source').value);
    this.#saved = this.#text;
    this.#recallDraft();
    this.#part('plain').hidden = true;
    this.#part('editor').hidden = false;
    this.#listen();
    this.root.dataset.ready = 'true';
  }

  get #text() {
    return write(this.#list.cues);
  }

  get #isChanged() {
    return this.#text !== this.#saved || this.#part('label').value !== this.#part('label').defaultValue;
  }

  #take(text) {
    this.#list.fill(parse(text));
    this.#countCues();
  }

  #listen() {
    const cues = this.#part('cues');
    cues.addEventListener('cues:changed', () => this.#changed());
    cues.addEventListener('cue:play', ({ detail: { row } }) => this.#play(row.cue));
    cues.addEventListener('cue:removed', ({ detail }) => this.#offerBack(detail));
    this.#part('label').addEventListener('input', () => this.#changed());
    this.#part('save').addEventListener('click', () => this.#save());
    this.#part('add').addEventListener('click', () => this.#list.addAt(this.#stage?.time ?? this.#end));
    this.#part('undo').addEventListener('click', () => this.#bringBack());
    this.#part('mine').addEventListener('click', () => this.#keepMine());
    this.#part('theirs').addEventListener('click', () => this.#takeTheirs());
    this.#part('show')?.addEventListener('click', () => this.#play(null));
    document.addEventListener('keydown', (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== 's') return;
      event.preventDefault();
      this.#save();
    });
    window.addEventListener('beforeunload', (event) => {
      if (this.#isChanged) event.preventDefault();
    });
  }

  get #end() {
    return Math.max(0, ...this.#list.cues.map((cue) => cue.end));
  }

  #changed() {
    this.#countCues();
    this.#stage?.show(this.#list.cues);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#isChanged) this.#draft.keep(this.#text, this.#version);
    }, DRAFT_DELAY_MS);
    this.#say(this.#isChanged ? this.#words.changed : '');
  }

  #countCues() {
    const isEmpty = this.#list.cues.length === 0;
    this.#part('empty').hidden = !isEmpty;
  }

  /** Play one cue, or from the start. */
  async #play(cue) {
    const { lesson } = this.root.dataset;
    if (!lesson) {
      this.#say(this.#words.noVideo);
      return;
    }
    this.#openStage(lesson);
    try {
      await this.#stage.play(cue?.start ?? 0, cue?.end ?? null);
      this.#part('veil').hidden = true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#say(error.detail || this.#words.noPlay);
    }
  }

  #openStage(lesson) {
    if (this.#stage) return;
    const video = this.#part('video');
    this.#stage = new Stage(video, lesson);
    this.#stage.show(this.#list.cues);
    this.#stage.addEventListener('time', ({ detail }) => this.#list.follow(detail, !video.paused));
  }

  async #save() {
    if (this.#isSaving || !this.#list.check()) return;
    this.#isSaving = true;
    this.#part('save').setAttribute('aria-busy', 'true');
    this.#say(this.#words.saving);
    const text = this.#text;
    const label = this.#part('label').value;
    try {
      const body = { label, text, version: this.#version };
      const { captions } = await sendJson('PUT', this.root.dataset.url, body);
      this.#wasSaved(captions, text, label);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#failed(error, text);
    } finally {
      this.#isSaving = false;
      this.#part('save').removeAttribute('aria-busy');
    }
  }

  #wasSaved(captions, text, label) {
    this.#version = captions.version;
    this.#saved = text;
    this.#part('label').defaultValue = label;
    this.#draft.forget();
    this.#part('conflict').hidden = true;
    const time = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
    this.#say(this.#isChanged ? this.#words.changed : phrase(this.#words.saved, { time }));
  }

  #failed(error, text) {
    const isKept = this.#draft.keep(text, this.#version);
    if (error.code === 'VERSION_CONFLICT') {
      this.#showConflict(error.problem.current);
    } else if (error.status === 0) {
      this.#say(isKept ? this.#words.offline : this.#words.offlineLost);
    } else {
      const fields = Object.values(error.problem.fields ?? {});
      this.#say([error.detail, ...fields].filter(Boolean).join(' ') || this.#words.failed);
    }
  }

  #showConflict(current) {
    this.current = current;
    this.#part('their-text').value = current?.text ?? '';
    this.#part('my-text').value = this.#text;
    this.#part('conflict').hidden = false;
    this.#part('conflict').focus();
    this.#say(this.#words.conflict);
  }

  #keepMine() {
    this.#version = this.current?.version ?? 0;
    this.#part('conflict').hidden = true;
    this.#save();
  }

  #takeTheirs() {
    this.#version = this.current?.version ?? 0;
    this.#take(this.current?.text ?? '');
    this.#saved = this.#text;
    this.#draft.forget();
    this.#part('conflict').hidden = true;
    this.#changed();
  }

  #offerBack(removed) {
    this.#removed = removed;
    this.#say(this.#words.removed);
    this.#part('undo').hidden = false;
  }

  #bringBack() {
    const { index, cue } = this.#removed;
    this.#part('undo').hidden = true;
    this.#list.insert(index, cue).focus();
  }

  /** What was written and not saved comes back, if nobody saved anything since. */
  #recallDraft() {
    const kept = this.#draft.recall();
    if (!kept || kept.text === this.#saved) return;
    this.#take(kept.text);
    this.#version = kept.version;
    this.#say(this.#words.recalled);
  }

  #say(text) {
    this.#part('undo').hidden = true;
    this.#part('status').textContent = text;
  }
}
