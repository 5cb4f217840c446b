/** What to tell the viewer about a problem, and which step to offer. */

const RETRY = 'retry';
const WATCH_HERE = 'watch-here';
const STEPS = {
  SIGN_IN_REQUIRED: 'sign-in',
  signed_out: 'sign-in',
  ENROLLMENT_REQUIRED: 'course',
  LESSON_NOT_OPEN: 'course',
  enrollment_revoked: 'course',
  suspended: 'none',
  stopped: WATCH_HERE,
  replaced: WATCH_HERE,
  ended_by_staff: WATCH_HERE,
};

/** Return `{title, text, step, isNetwork}` for an error (`code`, `status`) or the reason of an ending. */
export function explain({ code, status, detail }, { strings }) {
  const key = keyOf(code, status, strings.problems);
  const { title, text } = strings.problems[key];
  // Where we have no words of our own, the server's are better than none.
  const words = key === 'OTHER' && detail ? detail : text;
  return { title, text: words, step: STEPS[key] ?? RETRY, isNetwork: key === 'UNREACHABLE' };
}

function keyOf(code, status, problems) {
  if (code in problems) return code;
  const isUnreachable = code === 'NETWORK' || status >= 500;
  return isUnreachable ? 'UNREACHABLE' : 'OTHER';
}
