/** The tasks of the executor scenarios, by name. Every competitor runs these; ours as the functions that they are. */
export const increment = (/** @type {number} */ x) => x + 1;

export const echo = (/** @type {any} */ x) => x;

/** Is busy for so many milliseconds. */
export function spend(/** @type {number} */ ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
}

/** Says who it is, or dies. */
export function obey(/** @type {string | number} */ order) {
  if (order === 'die') process.kill(process.pid, 'SIGKILL');
  return order === 'pid' ? process.pid : Number(order) + 1;
}

export const tasks = { increment, echo, spend, obey };
