/** Say shortly that something was done, to eyes and to screen readers. */

const SHOWN_FOR_MS = 5_000;

/** Show a sentence for some seconds. */
export function toast(text) {
  const said = document.createElement('p');
  said.className = 'toast';
  said.textContent = text;
  document.getElementById('toasts').append(said);
  setTimeout(() => said.remove(), SHOWN_FOR_MS);
}
