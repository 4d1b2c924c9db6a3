// Which of the bundles belong together, and in which order: from the public tails alone, so without the key.
//
// A bundle leads from one state to another; a full one leads from nothing. What is reached from nothing can be recovered.
// An **end** is such a state from which no bundle leads on. The recovery proves the chain anew, with the key: this is only
// to find it.

/** A bundle that was checked: `{ name, size, report }`, where `report` is what the component says of its public part. */

/** The state that a bundle leads to, or from: ids are comparable within one domain of one signer. */
const place = (report, id) => `${report.domainId} ${report.verifyKey} ${id}`;
const from = ({ report }) => (report.baseId !== null ? place(report, report.baseId) : undefined);
const to = ({ report }) => place(report, report.stateId);

/**
 * Sorts bundles, given in any order, into chains.
 *
 * `ends`: `[{ state, chain }]`, where `chain` is the shortest that leads there, oldest first. One is usual; none: the full
 * bundle is missing; several: the files hold several histories, or one that forks.
 * `unused`: `[{ bundle, why, missing, after }]`. `why` is `'not needed'` (its state is reached without it), `'no base'`
 * (nothing here leads to the state `missing`, from which it leads on) or `'after'` (it leads on from the bundle `after`,
 * which is unused itself).
 */
export function plan(bundles) {
  const reached = reach(bundles);
  const ends = [...endsOf(bundles, reached)].map(end => {
    const chain = [];
    for (let at = end; at !== undefined; at = from(chain[0])) chain.unshift(reached.get(at));
    return { state: chain.at(-1).report.stateId, chain };
  });
  const used = new Set(ends.flatMap(({ chain }) => chain));
  const unused = bundles
    .filter(bundle => !used.has(bundle))
    .map(bundle => {
      const base = from(bundle);
      if (base === undefined || reached.has(base)) return { bundle, why: 'not needed' };
      const after = bundles.find(other => to(other) === base);
      return after ? { bundle, why: 'after', after } : { bundle, why: 'no base', missing: bundle.report.baseId };
    });
  return { ends, unused };
}

/** Each state that can be recovered, with the last bundle of the shortest chain to it. */
function reach(bundles) {
  const reached = new Map();
  let front = bundles.filter(bundle => from(bundle) === undefined);
  while (front.length > 0) {
    const next = new Set();
    for (const bundle of front) {
      if (reached.has(to(bundle))) continue;
      reached.set(to(bundle), bundle);
      for (const other of bundles) if (from(other) === to(bundle)) next.add(other);
    }
    front = [...next];
  }
  return reached;
}

/**
 * The states that lead nowhere. A database can come back to where it was, so that there is none: then it is the state that
 * is reached more often than it is left.
 */
function endsOf(bundles, reached) {
  const balance = new Map([...reached.keys()].map(state => [state, 0]));
  const leavings = new Map([...reached.keys()].map(state => [state, []]));
  for (const bundle of bundles) {
    if (from(bundle) !== undefined && !reached.has(from(bundle))) continue;
    balance.set(to(bundle), balance.get(to(bundle)) + 1);
    if (from(bundle) === undefined) continue;
    balance.set(from(bundle), balance.get(from(bundle)) - 1);
    leavings.get(from(bundle)).push(to(bundle));
  }
  const ends = new Set([...reached.keys()].filter(state => leavings.get(state).length === 0));
  const leads = new Set(ends);
  for (let grows = true; grows;) {
    grows = false;
    for (const [state, next] of leavings) {
      if (!leads.has(state) && next.some(other => leads.has(other))) grows = Boolean(leads.add(state));
    }
  }
  for (const [state, excess] of balance) if (!leads.has(state) && excess > 0) ends.add(state);
  return ends;
}
