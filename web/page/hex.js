// Bytes as hex: an offset, sixteen bytes, and what of them are letters.

import { html } from 'lit';

/** One line; `start` is the offset of the first byte of `bytes` in its file. */
export function hexLine(bytes, index, start) {
  const part = bytes.subarray(index * 16, index * 16 + 16);
  const pairs = [...part].map((byte) => byte.toString(16).padStart(2, '0'));
  const hex = `${pairs.slice(0, 8).join(' ')}  ${pairs.slice(8).join(' ')}`.padEnd(48);
  const letters = [...part].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
  const offset = (start + index * 16).toString(16).padStart(8, '0');
  return html`<div role="listitem" class="hex-row"><span class="offset">${offset}</span>  ${hex}  <span class="letters">${letters}</span></div>`;
}
