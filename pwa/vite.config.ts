import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

const dist = join(import.meta.dirname, 'dist');

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

type Chunks = Record<string, { file: string; css?: string[]; assets?: string[]; imports?: string[]; dynamicImports?: string[] }>;

/** The files that residents' pages may need. What only the console needs is never fetched on a phone, not even for offline. */
function ofResidents(): Set<string> {
  const chunks = JSON.parse(readFileSync(join(dist, '.vite/manifest.json'), 'utf8')) as Chunks;
  const [seen, wanted] = [new Set<string>(), ['index.html']];
  const found = new Set<string>();
  for (let key = wanted.pop(); key !== undefined; key = wanted.pop()) {
    const chunk = chunks[key];
    if (!chunk || seen.has(key) || /^src\/(console|locales\/console)\//.test(key)) continue;
    seen.add(key);
    for (const file of [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]) found.add(`/${file}`);
    wanted.push(...(chunk.imports ?? []), ...(chunk.dynamicImports ?? []));
  }
  return found;
}

/** Lists the shell's files in the service worker and packs every text file with brotli. */
function finish(): Plugin {
  return {
    name: 'finish',
    apply: 'build',
    closeBundle() {
      const needed = ofResidents();
      const shell = files(dist)
        .map((path) => path.slice(dist.length).replaceAll('\\', '/'))
        .filter((path) => !/\.(br|wasm|map|json)$|sw\.js$|\.stamp$|robots|icon-512|maskable|\/scan-/.test(path))
        .filter((path) => needed.has(path) || !path.startsWith('/assets/'));
      const worker = readFileSync(join(import.meta.dirname, 'src/sw.js'), 'utf8');
      const list = JSON.stringify(shell.map((path) => (path === '/index.html' ? '/' : path)));
      const version = JSON.stringify(Date.now().toString(36));
      writeFileSync(join(dist, 'sw.js'), worker.replace('__SHELL__', list).replace('__VERSION__', version));
      for (const path of files(dist).filter((name) => /\.(js|css|html|svg|webmanifest|wasm)$/.test(name))) {
        const quality = path.endsWith('.wasm') ? constants.BROTLI_MAX_QUALITY : 9;
        writeFileSync(`${path}.br`, brotliCompressSync(readFileSync(path), { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }));
      }
    },
  };
}

export default defineConfig({
  json: { namedExports: false }, // a name for each sentence weighs as much as half of the sentences
  plugins: [svelte({ configFile: false }), finish()],
  build: {
    target: 'es2022', modulePreload: { polyfill: false }, assetsInlineLimit: 0, manifest: true,
  },
});
