// @ts-check
/** Find, copy, and show parts of a page. */

/**
 * Return the first element below `root` that fits a selector; throw where there is none of its kind.
 * @template {Element} [T=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function one(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof (kind ?? HTMLElement))) throw new Error(`There is no ${selector}`);
  return /** @type {T} */ (found);
}

/**
 * Return the element with an id; throw where there is none of its kind.
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function byId(id, kind) {
  return one(document, `#${id}`, kind);
}

/**
 * Return a field of a form by its name; throw where there is none of its kind.
 * @template {HTMLElement | RadioNodeList} [T=HTMLInputElement]
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {new () => T} [kind]
 * @returns {T}
 */
export function field(form, name, kind) {
  const found = form.elements.namedItem(name);
  if (!(found instanceof (kind ?? HTMLInputElement))) throw new Error(`There is no field ${name}`);
  return /** @type {T} */ (/** @type {unknown} */ (found));
}

/**
 * Return a copy of the one element in a template.
 * @param {HTMLTemplateElement} template
 * @returns {HTMLElement}
 */
export function copyOf(template) {
  return /** @type {HTMLElement} */ (one(template.content, '*').cloneNode(true));
}

/**
 * Return the closest element around what an event is about that fits a selector, or null.
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * Of the elements with this data attribute below `root`, show those with the value, hide others.
 * @param {ParentNode} root
 * @param {string} name
 * @param {string | null} value
 */
export function showOnly(root, name, value) {
  for (const element of root.querySelectorAll(`[data-${name}]`)) {
    /** @type {HTMLElement} */ (element).hidden = element.getAttribute(`data-${name}`) !== value;
  }
}

/**
 * Write a text; what is the same is left alone, since a screen reader may be reading it.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
