#!/bin/sh
# Firstline's own language models, from a folder with corpora: sh languages/pretrain.sh CORPORA [ru|en]
# TOKENS: how many to train on in this stretch. A model that is there already is trained on.
set -eu
CORPORA=$1
LANGUAGES=${2:-"ru en"}
TOKENS=${TOKENS:-8000000}
BIN=${BIN:-.venv/bin}
WORK=${WORK:-build/languages}

texts() {
	for name in "$@"; do
		printf '%s ' "$CORPORA/$language/$name.txt.xz"
	done
}

# Speech, plays and help pages count more than novels: they are nearer to how people write to support.
for language in $LANGUAGES; do
	case $language in
	ru)
		TEXTS=$(texts commonvoice-ru ms-partner ms-alchemy ms-bc ms-d365ops rusdracor ruslit-prose russiannovels-pd)
		set -- --weight commonvoice-ru=6 --weight ms-partner=3 --weight ms-alchemy=3 --weight ms-d365ops=0.3 \
			--weight ruslit-prose=0.3 --weight russiannovels-pd=0.3 \
			--licence commonvoice-ru=CC0 --licence rusdracor=CC0 --licence ruslit-prose="public domain" \
			--licence russiannovels-pd="public domain" --licence ms-partner="CC BY 4.0" \
			--licence ms-alchemy="CC BY 4.0" --licence ms-bc="CC BY 4.0" --licence ms-d365ops="CC BY 4.0"
		;;
	en)
		TEXTS=$(texts wiki-en)
		set -- --licence wiki-en="CC BY-SA 4.0"
		;;
	*)
		echo "There is no recipe for '$language'." >&2
		exit 2
		;;
	esac
	for direction in forward backward; do
		folder=$WORK/$language-$direction
		resume=
		[ -e "$folder/.work/purpose.json" ] && resume=--resume
		tokenizer=
		[ $direction = backward ] && tokenizer="--tokenizer $WORK/$language-forward"
		# Paths of corpora have no spaces.
		# shellcheck disable=SC2086
		"$BIN/firstline" pretrain $TEXTS --language "$language" --size small --direction $direction "$@" \
			$tokenizer $resume --tokens "$TOKENS" -o "$folder"
	done
	"$BIN/firstline" languages pack "$WORK/$language-forward" "$WORK/$language-backward" -o languages
done
