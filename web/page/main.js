// The page's entry: all elements are known from here on, and `<ocix-app>` draws the rest.

import './command.js';
import './rows.js';
import './start.js';
import './overview.js';
import './layers.js';
import './files.js';
import './documents.js';
import './compare.js';
import './verify.js';
import './attestations.js';
import './export.js';
import './app.js';
