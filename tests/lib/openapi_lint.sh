#!/usr/bin/env bash
# Checks an OpenAPI document with Spectral: openapi_lint.sh FOLDER DOCUMENT. The linter is installed
# into FOLDER from the npm registry. Exit status 77: there is no npm, or no way to the registry.
set -euo pipefail
VERSION=6.15.0 # the last one that runs on Node 18
folder=$1 document=$2
command -v npm >/dev/null || { echo "no npm: the document is not linted" && exit 77; }
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9
if [ "$(cat "$folder/installed" 2>/dev/null)" != "$VERSION" ]; then
    timeout 100 npm install --prefix "$folder" --no-fund --no-audit --no-save --ignore-scripts \
        "@stoplight/spectral-cli@$VERSION" >"$folder/npm.log" 2>&1 ||
        { tail -n 5 "$folder/npm.log" && exit 77; }
    echo "$VERSION" >"$folder/installed"
fi
cat >"$folder/ruleset.yaml" <<'TEXT'
extends: ["spectral:oas"]
rules:
  info-contact: off
  oas3-unused-component: off # the data of server-sent events has no place of its own
TEXT
"$folder/node_modules/.bin/spectral" lint --fail-severity warn -r "$folder/ruleset.yaml" "$document"
