// Which bundles belong together, and in which order: without a browser.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const source = readFileSync(new URL('../../wasm-component/page/src/chain.js', import.meta.url), 'utf8');
const { plan } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

/** Bundles from words such as `>A`, a full one, and `A>B`, a delta; `A>B@x` is of the domain `x`. */
const bundles = words =>
  words
    .split(' ')
    .filter(Boolean)
    .map(name => {
      const [, base, state, domainId = 'd'] = name.match(/^(\w*)>(\w+)(?:@(\w+))?$/);
      return { name, report: { domainId, verifyKey: 'v', baseId: base || null, stateId: state } };
    });

/** The chains, and why others are not used. */
function planned(words) {
  const { ends, unused } = plan(bundles(words));
  for (const { state, chain } of ends) assert.equal(state, chain.at(-1).report.stateId);
  return {
    ends: ends.map(({ chain }) => chain.map(({ name }) => name).join(' ')).sort(),
    unused: Object.fromEntries(
      unused.map(({ bundle, why, missing, after }) => [bundle.name, missing ?? after?.name ?? why]),
    ),
  };
}

test('one history', () => {
  assert.deepEqual(planned(''), { ends: [], unused: {} });
  assert.deepEqual(planned('>A'), { ends: ['>A'], unused: {} });
  assert.deepEqual(planned('B>C >A C>D A>B'), { ends: ['>A A>B B>C C>D'], unused: {} });
});

test('in each order', () => {
  const orders = names =>
    names.length === 0
      ? [[]]
      : names.flatMap(first => orders(names.filter(name => name !== first)).map(rest => [first, ...rest]));
  for (const order of orders(['>A', 'A>B', 'B>C', 'X>Y', 'Y>Z'])) {
    assert.deepEqual(planned(order.join(' ')), { ends: ['>A A>B B>C'], unused: { 'X>Y': 'X', 'Y>Z': 'X>Y' } });
  }
});

test('links that are missing', () => {
  assert.deepEqual(planned('A>B'), { ends: [], unused: { 'A>B': 'A' } });
  assert.deepEqual(planned('B>C A>B'), { ends: [], unused: { 'B>C': 'A>B', 'A>B': 'A' } });
  assert.deepEqual(planned('>A B>C'), { ends: ['>A'], unused: { 'B>C': 'B' } });
});

test('several histories, and forks', () => {
  assert.deepEqual(planned('>A >B'), { ends: ['>A', '>B'], unused: {} });
  assert.deepEqual(planned('>A A>B A>C'), { ends: ['>A A>B', '>A A>C'], unused: {} });
  assert.deepEqual(planned('>A A>B@x'), { ends: ['>A'], unused: { 'A>B@x': 'A' } });
  assert.deepEqual(planned('>A@x >A'), { ends: ['>A', '>A@x'], unused: {} });
});

test('what is not needed', () => {
  assert.deepEqual(planned('>A A>B >B'), { ends: ['>B'], unused: { '>A': 'not needed', 'A>B': 'not needed' } });
  assert.deepEqual(planned('>A A>B B>C A>C'), {
    ends: ['>A A>C'],
    unused: { 'A>B': 'not needed', 'B>C': 'not needed' },
  });
  assert.deepEqual(planned('>A A>B >B B>C'), { ends: ['>B B>C'], unused: { '>A': 'not needed', 'A>B': 'not needed' } });
  assert.deepEqual(planned('>A A>A'), { ends: ['>A'], unused: { 'A>A': 'not needed' } });
});

test('there and back again', () => {
  assert.deepEqual(planned('>A A>B B>A'), { ends: ['>A'], unused: { 'A>B': 'not needed', 'B>A': 'not needed' } });
  assert.deepEqual(planned('>A A>B B>A A>C'), {
    ends: ['>A A>C'],
    unused: { 'A>B': 'not needed', 'B>A': 'not needed' },
  });
  assert.deepEqual(planned('>A A>B B>C C>B'), {
    ends: ['>A A>B'],
    unused: { 'B>C': 'not needed', 'C>B': 'not needed' },
  });
  assert.deepEqual(planned('A>B B>A'), { ends: [], unused: { 'A>B': 'B>A', 'B>A': 'A>B' } });
  assert.deepEqual(planned('>A A>B B>A >C'), {
    ends: ['>A', '>C'],
    unused: { 'A>B': 'not needed', 'B>A': 'not needed' },
  });
});
