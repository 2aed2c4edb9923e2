#!/bin/sh
# The whole loop on demo messages: a workspace, an import, a training, one question over HTTP.
set -eu
BIN=${BIN:-.venv/bin}
WORKSPACE=${WORKSPACE:-demo-workspace}
rm -rf "$WORKSPACE"

run() {
	echo
	echo "\$ firstline $*"
	"$BIN/firstline" "$@"
}

run init "$WORKSPACE" --language ru --demo
run import "$WORKSPACE/history.csv" --workspace "$WORKSPACE"
run train --workspace "$WORKSPACE"

echo
echo "\$ firstline serve --workspace $WORKSPACE"
# There before it is read, however slow the start.
: >"$WORKSPACE/serve.log"
"$BIN/firstline" serve --workspace "$WORKSPACE" --port 0 2>"$WORKSPACE/serve.log" &
SERVER=$!
trap 'kill $SERVER 2>/dev/null || true; wait $SERVER 2>/dev/null || true' EXIT INT TERM
for _ in $(seq 300); do
	ADDRESS=$(sed -n 's/^Serving .* at \(http:[^ ]*\) .*/\1/p' "$WORKSPACE/serve.log")
	[ -n "$ADDRESS" ] && break
	kill -0 $SERVER 2>/dev/null || { cat "$WORKSPACE/serve.log"; exit 1; }
	sleep 0.2
done
sed -n 1p "$WORKSPACE/serve.log"

"$BIN/python" - "$ADDRESS" <<'PYTHON'
import json
import sys
import urllib.request

address = sys.argv[1] + "/v1/classify"
question = {"text": "Банкомат съел карту и деньги не отдал, что делать???", "segment": "customer"}
body = json.dumps(question, ensure_ascii=False)
request = urllib.request.Request(address, body.encode(), {"Content-Type": "application/json"})
answer = json.load(urllib.request.urlopen(request, timeout=30))
print(f"\n$ curl {address} -d '{body}'")
answer["ranking"] = answer["ranking"][:3]
print(json.dumps(answer, ensure_ascii=False, indent=2))
PYTHON

cat <<EOF

That was the loop. Where to go next:
  your own export   $BIN/firstline init mine && $BIN/firstline import export.csv --workspace mine --text COLUMN --label COLUMN
  your settings     $WORKSPACE/firstline.toml; docs/settings.md has all of them
  every command     $BIN/firstline --help
EOF
