// Making elements. Text is always set as text, never read as markup: names and values come from files.

import { explain } from './words.js';

/** The element of the page with this id. */
export const $ = id => document.getElementById(id);

/**
 * An element: `make('p', 'text', child)` or, with attributes, `make('p', { class: 'hint' }, 'text')`. Functions become
 * listeners; true and false, attributes with and without. Children that are false or missing are left out.
 */
export function make(tag, ...children) {
  const element = document.createElement(tag);
  const attributes = children[0]?.constructor === Object ? children.shift() : {};
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  const isThere = child => child !== undefined && child !== null && child !== false;
  element.append(...children.flat().filter(isThere));
  return element;
}

/** Says something to those who listen to the page. */
export function announce(text) {
  $('status').textContent = text;
}

/** A remark with a title; `look` is `good`, `warn` or `bad`. Its title can be focused, so that it is read out. */
export function notice(look, title, ...children) {
  return make('div', { class: `notice ${look}` }, make('h3', { tabindex: '-1' }, title), ...children);
}

/** Moves the focus to the title of what has just appeared, so that it is read out, and brings it into view. */
export function show(element) {
  const title = element.querySelector('h3') ?? element;
  title.focus({ preventScroll: true });
  const { top } = title.getBoundingClientRect();
  if (top < 0 || top > innerHeight * 0.6) element.scrollIntoView();
}

/** What went wrong, in the words of who says so, and what to do. */
export function refusal(error) {
  const { title, remedy } = explain(error);
  const words = error.kind ? `${error.kind}: ${error.message}` : String(error);
  return notice('bad', title, make('p', { class: 'words' }, words), make('p', remedy));
}
