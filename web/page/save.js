// Hands a file to the user: it is in the browser already, and goes to the folder of downloads.

/** Saves a blob under the last part of a name. */
export function save(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = address;
  // eslint-disable-next-line no-control-regex
  link.download = name.replace(/[\u0000-\u001f\u007f/\\:]/gu, '_') || 'file';
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
