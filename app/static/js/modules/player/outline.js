/** Ticks and percent of the outline, as the heartbeats report them. */

import { phrase } from './config.js';

/** Keep the page's outline in step with what has been watched. */
export function initOutline(player) {
  player.heartbeat.addEventListener('pulse', (event) => {
    const { lesson_completed: isCompleted, course_percent: percent } = event.detail;
    const page = player.config.lessonId;
    if (isCompleted) tick(page);
    if (Number.isInteger(percent)) fill(percent, player.config.strings.percentDone);
  });
}

function tick(lessonId) {
  for (const line of document.querySelectorAll(`[data-lesson="${lessonId}"]`)) {
    line.dataset.state = 'done';
  }
  for (const form of document.querySelectorAll('[data-part="complete"]')) form.hidden = true;
  for (const done of document.querySelectorAll('[data-part="completed"]')) done.hidden = false;
}

function fill(percent, text) {
  for (const bar of document.querySelectorAll('[data-part="course-progress"]')) bar.value = percent;
  for (const words of document.querySelectorAll('[data-part="course-percent"]')) {
    words.textContent = phrase(text, { n: percent });
  }
}
