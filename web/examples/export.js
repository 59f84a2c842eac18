// Two files become an image: the digest, and an archive that `docker load` and `skopeo` read.

import { exportImage } from 'ocix';

const results = await exportImage({
  entries: [
    { path: 'index.html', content: '<p>hello</p>\n' },
    { path: 'app', type: 'directory' },
    { path: 'app/run', mode: 0o755, content: '#!/bin/sh\necho hello\n' },
  ],
  output: 'type=docker,name=site:latest,dest=site.tar',
  changes: [['entrypoint', '["/app/run"]']],
  platform: 'linux/amd64',
  epoch: 1700000000,
});

const archive = results.files['site.tar'];
console.log(`${results.names[0]}@${results.digest}`);
console.log(`site.tar has ${archive?.size} bytes`);
