// Makes the pictures of every state for people to look at: `node chromium/screenshots.js [STATE…]`, into `web/screenshots`.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { start, web } from './harness.js';
import { STATES, material } from './states.js';

const wanted = process.argv.slice(2);
const out = process.env.OUT ?? join(web, 'screenshots');
const LOOKS = { light: {}, dark: { dark: true }, phone: { phone: true }, 'phone-dark': { phone: true, dark: true } };

mkdirSync(out, { recursive: true });
const [chromium, made] = await Promise.all([start(), material()]);
for (const [look, how] of Object.entries(LOOKS)) {
  const visit = await chromium.visit(how);
  for (const [name, go] of Object.entries(STATES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    try {
      await visit.page.evaluate(() => document.querySelector('dialog[open]')?.close());
      await go(visit, made);
      await visit.page.waitForTimeout(350);
      await visit.page.screenshot({ path: join(out, `${name}-${look}.png`) });
    } catch (error) {
      console.error(`${name}, ${look}: ${error.message.split('\n')[0]}`);
      process.exitCode = 1;
    }
  }
  await visit.close();
}
made.stop();
await chromium.close();
