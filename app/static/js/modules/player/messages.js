/** What to tell the viewer about a problem, and which step to offer. */

const RETRY = 'retry';
const WATCH_HERE = 'watch-here';
const STEPS = {
  SIGN_IN_REQUIRED: 'sign-in',
  signed_out: 'sign-in',
  ENROLLMENT_REQUIRED: 'course',
  enrollment_revoked: 'course',
  suspended: 'none',
  stopped: WATCH_HERE,
  replaced: WATCH_HERE,
  ended_by_staff: WATCH_HERE,
};

/** Return `{title, text, step}` for an error (`code`, `status`) or the reason of an ending. */
export function explain({ code, status, detail }, { strings }) {
  const key = keyOf(code, status, strings.problems);
  const { title, text } = strings.problems[key];
  // Where we have no words of our own, the server's are better than none.
  return { title, text: key === 'OTHER' && detail ? detail : text, step: STEPS[key] ?? RETRY };
}

function keyOf(code, status, problems) {
  if (code in problems) return code;
  const isUnreachable = code === 'NETWORK' || status >= 500;
  return isUnreachable ? 'UNREACHABLE' : 'OTHER';
}
