// What is said to who cannot see it: one live region, filled when something long ends or the page goes elsewhere.

/** Says a line, politely; the same line twice is said twice. */
export function announce(text) {
  const region = document.getElementById('said');
  if (!region) return;
  region.textContent = '';
  requestAnimationFrame(() => {
    region.textContent = text;
  });
}
