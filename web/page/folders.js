// The merged tree as far as it is open: a folder is read when it is opened, page by page.

/** Entries of a page. */
export const PAGE = 1000;

export class Folders {
  #image;
  #changed;
  #children = new Map();
  #open = new Set();
  #loading = new Set();
  /** What is seen, in order: `{ entry, level, position, siblings }`. */
  rows = [];

  /** `changed()` is called when the rows are others. */
  constructor(image, changed) {
    this.#image = image;
    this.#changed = changed;
  }

  /** Whether a folder is open. */
  isOpen(path) {
    return this.#open.has(path);
  }

  /** Whether not all of a folder is there yet. */
  isLoading(path) {
    return this.#loading.has(path);
  }

  /** Opens a folder, the empty path for the root. It grows page by page. */
  async open(path, how) {
    this.#open.add(path);
    if (this.#children.has(path)) return this.#lay();
    const children = [];
    this.#children.set(path, children);
    this.#loading.add(path);
    this.#lay();
    try {
      for (let more = true; more; this.#lay()) more = await this.#page(path, children, how);
    } catch (error) {
      this.#children.delete(path);
      this.#open.delete(path);
      throw error;
    } finally {
      this.#loading.delete(path);
      this.#lay();
    }
  }

  close(path) {
    this.#open.delete(path);
    this.#lay();
  }

  /** Opens all folders above a path; its entry, if there is one. */
  async reveal(path, how) {
    const parts = path.split('/');
    for (let count = 0; count < parts.length; count += 1) await this.open(parts.slice(0, count).join('/'), how);
    return this.#children.get(parts.slice(0, -1).join('/'))?.find((entry) => entry.path === path);
  }

  async #page(path, children, how) {
    const { entries, more } = await this.#image.tree(path, { ...how, recursive: false, first: children.length, max: PAGE });
    children.push(...entries);
    return more;
  }

  #lay() {
    const rows = [];
    const visit = (path, level) => {
      // The root's own entry is no row: everything is beneath it.
      const children = (this.#children.get(path) ?? []).filter((entry) => entry.path !== '.' && entry.path !== path);
      children.forEach((entry, index) => {
        rows.push({ entry, level, position: index + 1, siblings: children.length });
        if (entry.type === 'directory' && this.#open.has(entry.path)) visit(entry.path, level + 1);
      });
    };
    visit('', 1);
    this.rows = rows;
    this.#changed();
  }
}
